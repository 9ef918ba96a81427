{{/* Names and labels. */}}

{{- define "onetrading-exporter.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 52 characters leave room for the suffixes of a Job's and a StatefulSet's Pods. */}}
{{- define "onetrading-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := include "onetrading-exporter.name" . }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "onetrading-exporter.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "onetrading-exporter.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "onetrading-exporter.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* What selects the exporter's Pod, for good: selectors cannot be changed. */}}
{{- define "onetrading-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "onetrading-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: exporter
{{- end }}

{{/* The same of the Pods of migrations and `helm test`. */}}
{{- define "onetrading-exporter.migrationLabels" -}}
{{ include "onetrading-exporter.selectorLabels" . | replace "component: exporter" "component: migrations" }}
{{- end }}

{{- define "onetrading-exporter.testLabels" -}}
{{ include "onetrading-exporter.selectorLabels" . | replace "component: exporter" "component: test" }}
{{- end }}

{{/* The labels of everything; `component` tells Pods apart that a Service must not mix. */}}
{{- define "onetrading-exporter.labels" -}}
{{- $root := .root | default . -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "onetrading-exporter.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ .component | default "exporter" }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The labels of Pods: nothing that changes with the chart alone, which would restart them. */}}
{{- define "onetrading-exporter.podLabels" -}}
{{ include "onetrading-exporter.selectorLabels" .root | replace "component: exporter" (printf "component: %s" .component) }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | quote }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Metadata of one object. Takes root, and perhaps name, namespace, component, labels, annotations. */}}
{{- define "onetrading-exporter.metadata" -}}
name: {{ .name | default (include "onetrading-exporter.fullname" .root) }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "onetrading-exporter.labels" (dict "root" .root "component" .component) | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where the exporter is asked from inside the cluster. */}}
{{- define "onetrading-exporter.host" -}}
{{ include "onetrading-exporter.fullname" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "onetrading-exporter.scheme" -}}
{{ ternary .Values.webConfig.scheme "http" .Values.webConfig.enabled }}
{{- end }}
