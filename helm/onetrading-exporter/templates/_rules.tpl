{{/*
The rule files under files/alerts as groups of a PrometheusRule. Annotations of alerts are
Prometheus's own templates: they are data here and are never read as Helm's.
*/}}

{{/* One group, JSON: labels and addresses added, disabled alerts left out. Takes root, group. */}}
{{- define "onetrading-exporter.ruleGroup" -}}
{{- $values := .root.Values.prometheusRule }}
{{- $rules := list }}
{{- range .group.rules }}
{{- if not (and .alert (has .alert $values.disabledAlerts)) }}
{{- if .alert }}
{{- $_ := set . "labels" (merge (dict) $values.alertLabels (.labels | default dict)) }}
{{- if not .labels }}{{ $_ := unset . "labels" }}{{ end }}
{{- if and $values.grafanaUrl .annotations.dashboard_url }}
{{- $url := replace "{{ $externalLabels.grafana_url }}" (trimSuffix "/" $values.grafanaUrl) .annotations.dashboard_url }}
{{- $_ := set .annotations "dashboard_url" $url }}
{{- end }}
{{- end }}
{{- $rules = append $rules . }}
{{- end }}
{{- end }}
{{- toJson (set .group "rules" $rules) }}
{{- end }}

{{/* The group of thresholds, JSON: a name in the values replaces all of that name in the file. */}}
{{- define "onetrading-exporter.thresholdGroup" -}}
{{- $given := .root.Values.prometheusRule.thresholds }}
{{- $rules := list }}
{{- range .group.rules }}
{{- if not (hasKey $given .record) }}{{ $rules = append $rules . }}{{ end }}
{{- end }}
{{- range $record, $thresholds := $given }}
{{- range $thresholds }}
{{- $rule := dict "record" $record "expr" (printf "vector(%v)" .value) }}
{{- with .labels }}{{ $_ := set $rule "labels" . }}{{ end }}
{{- $rules = append $rules $rule }}
{{- end }}
{{- end }}
{{- toJson (set .group "rules" $rules) }}
{{- end }}

{{/* What is named in the values must be there: a misspelt name would watch nothing, in silence. */}}
{{- define "onetrading-exporter.checkRules" -}}
{{- $text := "" }}
{{- range $path, $bytes := .Files.Glob "files/alerts/*.yaml" }}
{{- if ne (base $path) "thresholds.yaml" }}{{ $text = cat $text (toString $bytes) }}{{ end }}
{{- end }}
{{- range .Values.prometheusRule.disabledAlerts }}
{{- if not (regexMatch (printf "alert: %s\\s" (regexQuoteMeta .)) $text) }}
{{- fail (printf "prometheusRule.disabledAlerts: there is no alert %s" .) }}
{{- end }}
{{- end }}
{{- range $record, $_ := .Values.prometheusRule.thresholds }}
{{- $name := regexQuoteMeta $record }}
{{- if or (not (regexMatch (printf "%s(_in_force)?\\b" $name) $text)) (regexMatch (printf "record: %s\\s" $name) $text) }}
{{- fail (printf "prometheusRule.thresholds: there is no threshold %s; files/alerts/thresholds.yaml shows all" $record) }}
{{- end }}
{{- end }}
{{- end }}
