{{/*
Where tokens and URLs lie in the container: files of Secrets and of the CSI driver. Volumes are
plain Secrets, whole directories, so that a rotated token arrives; a subPath would never change.
*/}}

{{- define "onetrading-exporter.credentialsDir" -}}/run/secrets/onetrading{{- end }}

{{/* The file of one credential. Takes root, source (existingSecret, key, csiFile) and own, the key in our Secret. */}}
{{- define "onetrading-exporter.credentialFile" -}}
{{- $base := include "onetrading-exporter.credentialsDir" . -}}
{{- if .source.csiFile -}}
{{ $base }}/csi/{{ .source.csiFile }}
{{- else if .source.existingSecret -}}
{{ $base }}/{{ .source.existingSecret }}/{{ .source.key }}
{{- else -}}
{{ $base }}/{{ .name | default (include "onetrading-exporter.fullname" .root) }}/{{ .own }}
{{- end -}}
{{- end }}

{{/* `name=file,name=file` */}}
{{- define "onetrading-exporter.accounts" -}}
{{- $accounts := list }}
{{- range .Values.accounts }}
{{- $file := include "onetrading-exporter.credentialFile" (dict "root" $ "source" . "own" (printf "account-%s" .name)) }}
{{- $accounts = append $accounts (printf "%s=%s" .name $file) }}
{{- end }}
{{- join "," $accounts }}
{{- end }}

{{/* The exporter's credentials as JSON: Secret name -> key -> true; the CSI driver's are under "". */}}
{{- define "onetrading-exporter.credentials" -}}
{{- $own := include "onetrading-exporter.fullname" . }}
{{- $found := dict }}
{{- $sources := list }}
{{- range .Values.accounts }}
{{- $sources = append $sources (dict "source" . "own" (printf "account-%s" .name)) }}
{{- end }}
{{- if eq .Values.database.mode "external" }}
{{- $sources = append $sources (dict "source" .Values.database "own" "database-url") }}
{{- end }}
{{- range $sources }}
{{- $secret := ternary "" (.source.existingSecret | default $own) (not (empty .source.csiFile)) }}
{{- $key := ternary .source.key .own (not (empty .source.existingSecret)) | default "" }}
{{- $_ := set $found $secret (set (get $found $secret | default dict) $key true) }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{- define "onetrading-exporter.csiVolume" -}}
- name: csi
  csi:
    driver: {{ .Values.csi.driver }}
    readOnly: true
    volumeAttributes:
      secretProviderClass: {{ .Values.csi.secretProviderClass }}
    {{- with .Values.csi.nodePublishSecret }}
    nodePublishSecretRef:
      name: {{ . }}
    {{- end }}
{{- end }}

{{- define "onetrading-exporter.credentialVolumes" -}}
{{- $found := include "onetrading-exporter.credentials" . | fromJson }}
{{- range $index, $secret := keys $found | sortAlpha }}
{{- if $secret }}
- name: credentials-{{ $index }}
  secret:
    secretName: {{ $secret }}
    defaultMode: 0440
    items:
      {{- range keys (get $found $secret) | sortAlpha }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
{{- else }}
{{ include "onetrading-exporter.csiVolume" $ }}
{{- end }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.credentialMounts" -}}
{{- $found := include "onetrading-exporter.credentials" . | fromJson }}
{{- range $index, $secret := keys $found | sortAlpha }}
- name: {{ ternary (printf "credentials-%d" $index) "csi" (not (empty $secret)) }}
  mountPath: {{ include "onetrading-exporter.credentialsDir" . }}/{{ $secret | default "csi" }}
  readOnly: true
{{- end }}
{{- end }}
