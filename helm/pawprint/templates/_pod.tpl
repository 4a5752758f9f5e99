{{/*
A pod, of a service or a job. Takes what _connections.tpl takes, and
  "args"      of a job; without them it is a service, with ports and probes
  "restart"   restart policy of a job
  "resources" of a job
  "collector" where a job finds the collectors, if not where people do
*/}}
{{- define "pawprint.pod" -}}
{{- $root := .root -}}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- if not .args }}
serviceAccountName: {{ include "pawprint.name" . }}
terminationGracePeriodSeconds: {{ int (add .s.terminationGracePeriodSeconds .s.preStopSeconds) }}
{{- end }}
automountServiceAccountToken: false
# Else the cluster would set PAWPRINT_COLLECTOR_PORT and the like itself, for a
# service of that name.
enableServiceLinks: false
{{- with .restart }}
restartPolicy: {{ . }}
{{- end }}
{{- with .s.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .s.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .s.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if not .args }}
{{ include "pawprint.spread" . | trim }}
{{- end }}
containers:
  - name: {{ .name }}
    image: {{ include "pawprint.image" (dict "root" $root "program" .name "image" .s.image) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    {{- with .args }}
    args: {{ toJson . }}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    {{- if .args }}
    # Not from a ConfigMap: as a hook it runs before there is one.
    env:
      {{- range $name, $value := include "pawprint.settings" . | fromYaml }}
      - name: {{ $name }}
        value: {{ $value | quote }}
      {{- end }}
      {{- with include "pawprint.env" . }}
      {{- . | trim | nindent 6 }}
      {{- end }}
    {{- else }}
    envFrom:
      - configMapRef:
          name: {{ include "pawprint.name" . }}
    {{- with include "pawprint.env" . }}
    env:
      {{- . | trim | nindent 6 }}
    {{- end }}
    {{- include "pawprint.ports" . | nindent 4 }}
    {{- end }}
    resources:
      {{- toYaml (.resources | default .s.resources) | nindent 6 }}
    {{- with include "pawprint.mounts" . }}
    volumeMounts:
      {{- . | trim | nindent 6 }}
    {{- end }}
{{- with include "pawprint.volumes" . }}
volumes:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "pawprint.ports" -}}
ports:
  - {name: internal, containerPort: 9090}
  {{- if include "pawprint.public" . }}
  - {name: http, containerPort: {{ int .facts.public.port }}}
  {{- end }}
# It is alive while it turns, whoever is away; ready says whether it is of use.
startupProbe:
  httpGet: {path: /livez, port: internal}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /livez, port: internal}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: internal}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- if .s.preStopSeconds }}
lifecycle:
  preStop:
    sleep: {seconds: {{ int .s.preStopSeconds }}}
{{- end }}
{{- end -}}

{{/* Whether it has a public port. */}}
{{- define "pawprint.public" -}}
{{- with .facts.public -}}
{{- if or (not .when) (get $.s.settings (.when | default "")) }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Apart from each other, over zones and nodes. */}}
{{- define "pawprint.spread" }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "pawprint.selector" $ | nindent 8 }}
    matchLabelKeys: [{{ if eq $.s.membership "static" }}controller-revision-hash{{ else }}pod-template-hash{{ end }}]
  {{- end }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "pawprint.selector" . | nindent 14 }}
{{- end -}}
