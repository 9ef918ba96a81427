{{/* The exporter's settings as environment variables. No value is a secret: those are files. */}}

{{- define "onetrading-exporter.env" -}}
- name: ONETRADING_LISTEN
  value: {{ printf "%s:%v" .Values.settings.listenAddress .Values.service.containerPort | quote }}
- name: ONETRADING_DATA_DIR
  value: /data
{{- if eq .Values.database.mode "external" }}
- name: DATABASE_URL_FILE
  value: {{ include "onetrading-exporter.credentialFile" (dict "root" . "source" .Values.database "own" "database-url") | quote }}
{{- else }}
- name: DATABASE_URL
  value: {{ .Values.database.mode }}
{{- end }}
{{- with include "onetrading-exporter.accounts" . }}
- name: ONETRADING_ACCOUNTS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.exchange.baseUrl }}
- name: ONETRADING_BASE_URL
  value: {{ . | quote }}
{{- end }}
{{- range $stream, $interval := .Values.settings.intervals }}
- name: ONETRADING_INTERVAL_{{ upper $stream }}
  value: {{ $interval | quote }}
{{- end }}
{{- with .Values.settings.historyStart }}
- name: ONETRADING_HISTORY_START
  value: {{ . | quote }}
{{- end }}
{{- with .Values.settings.requestsPerMinute }}
- name: ONETRADING_REQUESTS_PER_MINUTE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.settings.maxAccounts }}
- name: ONETRADING_MAX_ACCOUNTS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.settings.streams }}
- name: ONETRADING_STREAMS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.settings.candlesticks }}
- name: ONETRADING_CANDLESTICKS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.settings.retention }}
- name: ONETRADING_RETENTION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.settings.businessZone }}
- name: ONETRADING_BUSINESS_ZONE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.settings.apiFees }}
- name: ONETRADING_API_FEES
  value: {{ . | quote }}
{{- end }}
- name: ONETRADING_LOG_FORMAT
  value: {{ .Values.settings.logFormat }}
- name: ONETRADING_LOG_LEVEL
  value: {{ .Values.settings.logLevel }}
- name: ONETRADING_LOG_LEVEL_FILE
  value: /etc/onetrading-exporter/log-level/level
{{- if .Values.config }}
- name: ONETRADING_CONFIG
  value: /etc/onetrading-exporter/config/onetrading-exporter.toml
{{- end }}
{{- if .Values.webConfig.enabled }}
- name: ONETRADING_WEB_CONFIG
  value: /etc/onetrading-exporter/web/web-config.yaml
{{- end }}
{{- end }}
