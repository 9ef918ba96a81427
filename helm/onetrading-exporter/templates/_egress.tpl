{{/* Rules of what goes out; the migrations' Job needs a part of them. */}}

{{- define "onetrading-exporter.egressDns" -}}
{{- with .Values.networkPolicy.egress.dns -}}
- ports:
    - port: {{ .port }}
      protocol: UDP
    - port: {{ .port }}
      protocol: TCP
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.egressPostgres" -}}
{{- with .Values.networkPolicy.egress.postgres -}}
- ports:
    - port: {{ .port }}
      protocol: TCP
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.egressExchange" -}}
{{- $url := urlParse (.Values.exchange.baseUrl | default "https://api.onetrading.com") }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "80" "443" (eq $url.scheme "http")) -}}
{{- with .Values.networkPolicy.egress.exchange -}}
- ports:
    - port: {{ .port | default $port }}
      protocol: TCP
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
