{{/* What things are called, and labels. All take (dict "root" $ "name" NAME). */}}

{{- define "pawprint.name" -}}
{{- printf "%s-%s" (.root.Release.Name | trunc 40 | trimSuffix "-") .name -}}
{{- end -}}

{{- define "pawprint.selector" -}}
app.kubernetes.io/name: pawprint
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "pawprint.labels" -}}
{{ include "pawprint.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{- define "pawprint.metadata" -}}
name: {{ include "pawprint.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "pawprint.labels" . | nindent 2 }}
{{- end -}}

{{/* (dict "root" $ "program" PROGRAM "image" {tag, digest}) */}}
{{- define "pawprint.image" -}}
{{- with .root.Values.global.imageRegistry }}{{ . }}/{{ end -}}
{{ .root.Values.image.repository }}/{{ .program }}
{{- if .image.digest }}@{{ .image.digest }}
{{- else }}:{{ .image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* A value as a setting has it: numbers come as floats, 1e+06. */}}
{{- define "pawprint.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}
