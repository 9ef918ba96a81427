{{/* What migrates: the URL with which it does, and the container. */}}

{{/* The URL's source as JSON: that of `migrations` where it names one, else the exporter's. */}}
{{- define "onetrading-exporter.migrationSource" -}}
{{- if or .Values.migrations.url .Values.migrations.existingSecret }}
{{- dict "existingSecret" .Values.migrations.existingSecret "key" .Values.migrations.key "url" .Values.migrations.url | toJson }}
{{- else }}
{{- toJson .Values.database }}
{{- end }}
{{- end }}

{{/* A Secret of its own: a Job that runs before the release exists cannot read the release's. */}}
{{- define "onetrading-exporter.migrationSecret" -}}
{{ include "onetrading-exporter.fullname" . }}-migrations
{{- end }}

{{- define "onetrading-exporter.migrationVolumes" -}}
{{- $source := include "onetrading-exporter.migrationSource" . | fromJson }}
{{- if $source.csiFile }}
{{- include "onetrading-exporter.csiVolume" . }}
{{- else }}
- name: migrations
  secret:
    secretName: {{ $source.existingSecret | default (include "onetrading-exporter.migrationSecret" .) }}
    defaultMode: 0440
    items:
      - key: {{ ternary $source.key "database-url" (not (empty $source.existingSecret)) }}
        path: database-url
{{- end }}
{{- end }}

{{- define "onetrading-exporter.migrationContainer" -}}
{{- $source := include "onetrading-exporter.migrationSource" . | fromJson }}
{{- $directory := printf "%s/%s" (include "onetrading-exporter.credentialsDir" .) (ternary "csi" "migrations" (not (empty $source.csiFile))) -}}
name: migrate
image: {{ include "onetrading-exporter.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [migrate]
env:
  - name: DATABASE_URL_FILE
    value: {{ $directory }}/{{ $source.csiFile | default "database-url" }}
  - name: ONETRADING_DATA_DIR
    value: /tmp
  - name: ONETRADING_LOG_FORMAT
    value: {{ .Values.settings.logFormat }}
  - name: ONETRADING_LOG_LEVEL
    value: {{ .Values.settings.logLevel }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - name: {{ ternary "csi" "migrations" (not (empty $source.csiFile)) }}
    mountPath: {{ $directory }}
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end }}
