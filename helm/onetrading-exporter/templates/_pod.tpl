{{/* The Pod that Deployment and StatefulSet share. */}}

{{- define "onetrading-exporter.pod" -}}
metadata:
  labels:
    {{- include "onetrading-exporter.podLabels" (dict "root" . "component" "exporter") | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $annotations := merge (dict) .Values.podAnnotations .Values.commonAnnotations }}
  {{- if .Values.config }}
  {{- /* Most settings are read once: another file means another Pod. Accounts, credentials and the web config are followed. */}}
  {{- $_ := set $annotations "checksum/config" (sha256sum .Values.config) }}
  {{- end }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "onetrading-exporter.serviceAccountName" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
  {{- /* Variables of other Services would only be noise to a program that reads its environment. */}}
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with include "onetrading-exporter.scheduling" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "onetrading-exporter.initContainers" . }}
  initContainers:
    {{- . | trim | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "onetrading-exporter.container" . | nindent 6 | trim }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "onetrading-exporter.volumes" . | trim | nindent 4 }}
{{- end }}

{{- define "onetrading-exporter.scheduling" -}}
{{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with get $.Values $key }}
{{ $key }}: {{ . }}
{{- end }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "dnsConfig" "hostAliases" }}
{{- with get $.Values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- $anywhere := list }}
{{- /* Tests and jobs leave them out, and have no labels to be spread by. */}}
{{- if and (hasKey .Values "topologySpreadConstraints") (gt (int .Values.replicas) 1) }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
{{- $anywhere = append $anywhere (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway") }}
{{- end }}
{{- end }}
{{- with .Values.topologySpreadConstraints | default $anywhere }}
topologySpreadConstraints:
  {{- range . }}
  - {{ toYaml (merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "onetrading-exporter.selectorLabels" $ | fromYaml)))) | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.initContainers" -}}
{{- with .Values.extraInitContainers }}
{{ toYaml . }}
{{- end }}
{{- if eq .Values.migrations.mode "initContainer" }}
- {{ include "onetrading-exporter.migrationContainer" . | nindent 2 | trim }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.container" -}}
name: exporter
image: {{ include "onetrading-exporter.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - run
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  {{- include "onetrading-exporter.env" . | trim | nindent 2 }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: http
    containerPort: {{ .Values.service.containerPort }}
    protocol: TCP
{{- include "onetrading-exporter.probes" . }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  {{- include "onetrading-exporter.mounts" . | trim | nindent 2 }}
{{- end }}

{{- define "onetrading-exporter.probes" -}}
{{- range $name, $path := dict "startup" "/-/healthy" "liveness" "/-/healthy" "readiness" "/-/ready" }}
{{- with get $.Values.probes $name }}
{{- $handler := dict "httpGet" (dict "path" $path "port" "http" "scheme" (include "onetrading-exporter.scheme" $ | upper)) }}
{{- /* A kubelet has no client certificate: all it can see is that somebody listens. */}}
{{- if and $.Values.webConfig.enabled $.Values.webConfig.clientCertificates }}
{{- $handler = dict "tcpSocket" (dict "port" "http") }}
{{- end }}
{{- if or .exec .tcpSocket .httpGet .grpc }}{{ $handler = dict }}{{ end }}
{{ $name }}Probe:
  {{- toYaml (merge (dict) . $handler) | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.mounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
{{- if eq .Values.database.mode "embedded" }}
- name: shared-memory
  mountPath: /dev/shm
{{- end }}
- name: log-level
  mountPath: /etc/onetrading-exporter/log-level
  readOnly: true
{{- include "onetrading-exporter.credentialMounts" . }}
{{- if .Values.config }}
- name: config
  mountPath: /etc/onetrading-exporter/config
  readOnly: true
{{- end }}
{{- if .Values.webConfig.enabled }}
- name: web-config
  mountPath: /etc/onetrading-exporter/web
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.volumes" -}}
{{- if not .Values.persistence.enabled }}
- name: data
  emptyDir: {}
{{- else if .Values.persistence.existingClaim }}
- name: data
  persistentVolumeClaim:
    claimName: {{ .Values.persistence.existingClaim }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- if eq .Values.database.mode "embedded" }}
{{- /* Postgres shares memory there; its size counts against the limit of memory. */}}
- name: shared-memory
  emptyDir:
    medium: Memory
    sizeLimit: 128Mi
{{- end }}
- name: log-level
  configMap:
    name: {{ .Values.settings.logLevelConfigMap | default (printf "%s-log-level" (include "onetrading-exporter.fullname" .)) }}
    optional: true
    items:
      - key: level
        path: level
{{- include "onetrading-exporter.credentialVolumes" . }}
{{- if eq .Values.migrations.mode "initContainer" }}
{{- $credentials := include "onetrading-exporter.credentials" . | fromJson }}
{{- $source := include "onetrading-exporter.migrationSource" . | fromJson }}
{{- if not (and $source.csiFile (hasKey $credentials "")) }}
{{ include "onetrading-exporter.migrationVolumes" . | trim }}
{{- end }}
{{- end }}
{{- if .Values.config }}
- name: config
  configMap:
    name: {{ include "onetrading-exporter.fullname" . }}
{{- end }}
{{- if .Values.webConfig.enabled }}
- name: web-config
  {{- include "onetrading-exporter.webConfigVolume" . | nindent 2 }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* One directory, so that the web config names its certificates by file name alone. */}}
{{- define "onetrading-exporter.webConfigVolume" -}}
projected:
  defaultMode: 0440
  sources:
    - secret:
        name: {{ .Values.webConfig.existingSecret | default (include "onetrading-exporter.fullname" .) }}
        {{- if not .Values.webConfig.existingSecret }}
        items:
          - key: web-config.yaml
            path: web-config.yaml
        {{- end }}
    {{- with .Values.webConfig.certificateSecret }}
    - secret:
        name: {{ . }}
    {{- end }}
{{- end }}
