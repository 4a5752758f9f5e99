{{- define "devstack.labels" -}}
app.kubernetes.io/name: pawprint-devstack
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "devstack.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "devstack.labels" . | nindent 2 }}
{{- end -}}

{{/* What pods are allowed: nothing, as the user that the image is made for. */}}
{{- define "devstack.pod" -}}
automountServiceAccountToken: false
# Else the cluster would set KAFKA_PORT and the like, which the images read.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ int .s.runAsUser }}
  runAsGroup: {{ int .s.runAsUser }}
  fsGroup: {{ int .s.runAsUser }}
  # Postgres refuses a folder that its group may write to.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "devstack.container" -}}
image: {{ .s.image }}
imagePullPolicy: {{ .root.Values.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
resources:
  requests: {cpu: 50m, memory: 64Mi, ephemeral-storage: 64Mi}
  limits: {memory: {{ .s.memory }}}
{{- end -}}

{{/*
A server: a service and a StatefulSet of one pod. Takes (dict "root" $ "name" NAME
"s" VALUES), "ports" {name: number}, "container" (the rest of it, with probes),
and "data", the folder that is kept.
*/}}
{{- define "devstack.server" -}}
{{- $storage := .root.Values.storage -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "devstack.metadata" . | nindent 2 }}
spec:
  selector:
    {{- include "devstack.labels" . | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - {name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }}}
    {{- end }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "devstack.metadata" . | nindent 2 }}
spec:
  replicas: 1
  serviceName: {{ .name }}
  selector:
    matchLabels:
      {{- include "devstack.labels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "devstack.labels" . | nindent 8 }}
    spec:
      {{- include "devstack.pod" . | nindent 6 }}
      terminationGracePeriodSeconds: 60
      containers:
        - name: {{ .name }}
          {{- include "devstack.container" . | nindent 10 }}
          ports:
            {{- range $name, $port := .ports }}
            - {name: {{ $name }}, containerPort: {{ $port }}}
            {{- end }}
          {{- .container | trim | nindent 10 }}
          volumeMounts:
            - {name: data, mountPath: {{ .data }}}
      {{- if not $storage.size }}
      volumes:
        - {name: data, emptyDir: {}}
      {{- end }}
  {{- if $storage.size }}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $storage.className }}
        storageClassName: {{ . }}
        {{- end }}
        resources: {requests: {storage: {{ $storage.size }}}}
  {{- end }}
{{- end -}}

{{/* Takes (dict "name" VARIABLE "key" KEY) */}}
{{- define "devstack.secret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: devstack-not-for-production, key: {{ .key }}}
{{- end -}}
