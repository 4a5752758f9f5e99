{{/*
How programs reach servers: the one place where connections becomes settings,
files and ports. All take (dict "root" $ "name" NAME "facts" FACTS "s" SERVICE).
*/}}

{{- define "pawprint.kafka.security" -}}
{{- $kafka := .root.Values.connections.kafka -}}
{{- if $kafka.sasl.mechanism }}sasl_{{ if $kafka.tls }}ssl{{ else }}plaintext{{ end }}
{{- else if $kafka.tls }}ssl
{{- else }}plaintext
{{- end -}}
{{- end -}}

{{/*
An address as somebody in another namespace knows it, such as KEDA: a name
without a dot is one of this namespace. Takes (dict "root" $ "address" ADDRESS).
*/}}
{{- define "pawprint.from.afar" -}}
{{- regexReplaceAll `^([a-z]+://)?([A-Za-z0-9-]+)(:[0-9]+)?(/.*)?$` .address (printf "${1}${2}.%s.svc${3}${4}" .root.Release.Namespace) -}}
{{- end -}}

{{/* The role of Postgres: a service's own, the owner for the command line. */}}
{{- define "pawprint.role" -}}
{{- if eq .name "pawprint" }}owner{{ else }}{{ .name }}{{ end -}}
{{- end -}}

{{/* Settings that are no secret, as a map; secrets by the names of files. */}}
{{- define "pawprint.settings" -}}
{{- $c := .root.Values.connections -}}
{{- $needs := .facts.needs -}}
{{- if has "kafka" $needs }}
PAWPRINT_KAFKA_BROKERS: {{ join "," $c.kafka.brokers | quote }}
PAWPRINT_KAFKA_SECURITY: {{ include "pawprint.kafka.security" . }}
{{- if and $c.kafka.tls $c.ca.existingSecret }}
PAWPRINT_KAFKA_CA_FILE: /etc/pawprint/ca/ca.crt
{{- end }}
{{- if $c.kafka.sasl.mechanism }}
PAWPRINT_KAFKA_SASL_MECHANISM: {{ $c.kafka.sasl.mechanism }}
PAWPRINT_KAFKA_USERNAME_FILE: /etc/pawprint/secrets/kafka-username
PAWPRINT_KAFKA_PASSWORD_FILE: /etc/pawprint/secrets/kafka-password
{{- end }}
{{- end }}
{{- if has "topics" $needs }}
PAWPRINT_TOPIC_PREFIX: {{ .root.Values.topicPrefix | quote }}
{{- end }}
{{- if and (has "registry" $needs) $c.schemaRegistry.url }}
{{- if $c.schemaRegistry.existingSecret }}
SCHEMA_REGISTRY_URL_FILE: /etc/pawprint/secrets/schema-registry-url
{{- else }}
SCHEMA_REGISTRY_URL: {{ $c.schemaRegistry.url | quote }}
{{- end }}
{{- end }}
{{- if has "clickhouse" $needs }}
PAWPRINT_CLICKHOUSE_URL: {{ $c.clickhouse.url | quote }}
PAWPRINT_CLICKHOUSE_DATABASE: {{ $c.clickhouse.database | quote }}
PAWPRINT_CLICKHOUSE_USER: {{ $c.clickhouse.user | quote }}
{{- if $c.clickhouse.existingSecret }}
PAWPRINT_CLICKHOUSE_PASSWORD_FILE: /etc/pawprint/secrets/clickhouse-password
{{- end }}
{{- end }}
{{- if has "postgres" $needs }}
PAWPRINT_POSTGRES_DSN: {{ include "pawprint.postgres.dsn" . | quote }}
{{- end }}
{{- if has "redis" $needs }}
{{- if $c.redis.existingSecret }}
PAWPRINT_REDIS_URL_FILE: /etc/pawprint/secrets/redis-url
{{- else }}
PAWPRINT_REDIS_URL: {{ printf "redis://%s:%d/%d" $c.redis.host (int $c.redis.port) (int $c.redis.database) | quote }}
{{- end }}
{{- end }}
{{- if and .root.Values.plans.existingConfigMap (has .name (list "billing" "meter" "pawprint")) }}
PAWPRINT_PLANS: /etc/pawprint/plans/plans.json
{{- end }}
{{- if eq .name "pawprint" }}
PAWPRINT_COLLECTOR_URL: {{ .collector | default .root.Values.addresses.collector | quote }}
PAWPRINT_BILLING_URL: {{ .root.Values.addresses.billing | quote }}
{{- else }}
PAWPRINT_INTERNAL_ADDRESS: 0.0.0.0
PAWPRINT_INTERNAL_PORT: "9090"
PAWPRINT_LOG_LEVEL: {{ .root.Values.logLevel }}
{{- end }}
{{- with .facts.public }}
{{ .setting }}: {{ int .port | quote }}
{{- end }}
{{- $paths := .facts.paths | default list }}
{{- range $setting, $key := .s.secrets.keys }}
{{ $setting }}{{ if not (has $setting $paths) }}_FILE{{ end }}: /etc/pawprint/secrets/own-{{ $key }}
{{- end }}
{{- range $setting, $value := .s.settings }}
{{ $setting }}: {{ include "pawprint.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* The password comes beside it, as libpq's PGPASSWORD. */}}
{{- define "pawprint.postgres.dsn" -}}
{{- $c := .root.Values.connections -}}
{{- $role := index $c.postgres.roles (include "pawprint.role" .) -}}
host={{ $c.postgres.host }} port={{ int $c.postgres.port }} dbname={{ $c.postgres.database }} user={{ $role.user }} sslmode={{ $c.postgres.sslmode }}
{{- if hasPrefix "verify-" $c.postgres.sslmode }} sslrootcert={{ if $c.ca.existingSecret }}/etc/pawprint/ca/ca.crt{{ else }}/etc/ssl/certs/ca-certificates.crt{{ end }}
{{- end -}}
{{- end -}}

{{/* Environment that comes from secrets and from the pod itself. */}}
{{- define "pawprint.env" -}}
{{- $c := .root.Values.connections -}}
{{- if has "postgres" .facts.needs }}
{{- $role := index $c.postgres.roles (include "pawprint.role" .) }}
{{- with $role.existingSecret | default $c.postgres.existingSecret }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: {{ $role.key }}
{{- end }}
{{- end }}
{{- if and .facts.consumer (eq .s.membership "static") }}
- name: PAWPRINT_INSTANCE_ID
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}
{{- end -}}

{{/* What is projected into /etc/pawprint/secrets: only what it needs. */}}
{{- define "pawprint.secrets" -}}
{{- $c := .root.Values.connections -}}
{{- if and (has "kafka" .facts.needs) $c.kafka.sasl.mechanism }}
- secret:
    name: {{ $c.kafka.sasl.existingSecret }}
    items:
      - {key: {{ $c.kafka.sasl.usernameKey }}, path: kafka-username}
      - {key: {{ $c.kafka.sasl.passwordKey }}, path: kafka-password}
{{- end }}
{{- if and (has "clickhouse" .facts.needs) $c.clickhouse.existingSecret }}
- secret:
    name: {{ $c.clickhouse.existingSecret }}
    items:
      - {key: {{ $c.clickhouse.passwordKey }}, path: clickhouse-password}
{{- end }}
{{- if and (has "registry" .facts.needs) $c.schemaRegistry.url $c.schemaRegistry.existingSecret }}
- secret:
    name: {{ $c.schemaRegistry.existingSecret }}
    items:
      - {key: {{ $c.schemaRegistry.urlKey }}, path: schema-registry-url}
{{- end }}
{{- if and (has "redis" .facts.needs) $c.redis.existingSecret }}
- secret:
    name: {{ $c.redis.existingSecret }}
    items:
      - {key: {{ $c.redis.urlKey }}, path: redis-url}
{{- end }}
{{- if .s.secrets.keys }}
- secret:
    name: {{ .s.secrets.existingSecret }}
    items:
      {{- range $setting, $key := .s.secrets.keys }}
      - {key: {{ $key }}, path: own-{{ $key }}}
      {{- end }}
{{- end }}
{{- end -}}

{{- define "pawprint.volumes" -}}
{{- $c := .root.Values.connections -}}
{{- with include "pawprint.secrets" . }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- . | trim | nindent 6 }}
{{- end }}
{{- if $c.ca.existingSecret }}
- name: ca
  secret:
    secretName: {{ $c.ca.existingSecret }}
    defaultMode: 0444
    items:
      - {key: {{ $c.ca.key }}, path: ca.crt}
{{- end }}
{{- if $c.authorities.existingSecret }}
- name: authorities
  secret:
    secretName: {{ $c.authorities.existingSecret }}
    defaultMode: 0444
    items:
      - {key: {{ $c.authorities.key }}, path: ca-certificates.crt}
{{- end }}
{{- if and .root.Values.plans.existingConfigMap (has .name (list "billing" "meter" "pawprint")) }}
- name: plans
  configMap:
    name: {{ .root.Values.plans.existingConfigMap }}
    items:
      - {key: {{ .root.Values.plans.key }}, path: plans.json}
{{- end }}
{{- end -}}

{{- define "pawprint.mounts" -}}
{{- $c := .root.Values.connections -}}
{{- if include "pawprint.secrets" . }}
- {name: secrets, mountPath: /etc/pawprint/secrets, readOnly: true}
{{- end }}
{{- if $c.ca.existingSecret }}
- {name: ca, mountPath: /etc/pawprint/ca, readOnly: true}
{{- end }}
{{- if $c.authorities.existingSecret }}
- {name: authorities, mountPath: /etc/ssl/certs, readOnly: true}
{{- end }}
{{- if and .root.Values.plans.existingConfigMap (has .name (list "billing" "meter" "pawprint")) }}
- {name: plans, mountPath: /etc/pawprint/plans, readOnly: true}
{{- end }}
{{- end -}}

{{/* The port of host:port, or of an address with or without one. */}}
{{- define "pawprint.port" -}}
{{- $rest := regexReplaceAll "^[a-z]+://([^/@]*@)?" . "" -}}
{{- $port := regexFind ":[0-9]+" $rest -}}
{{- if $port }}{{ trimPrefix ":" $port }}{{ else if hasPrefix "https:" . }}443{{ else }}80{{ end -}}
{{- end -}}

{{/* Rules of a NetworkPolicy that open the way to what it needs. */}}
{{- define "pawprint.egress" -}}
{{- $c := .root.Values.connections -}}
{{- $needs := .facts.needs -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  {{- with .root.Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- if has "kafka" $needs }}
{{- $ports := list }}
{{- range $c.kafka.brokers }}{{ $ports = append $ports (include "pawprint.port" .) }}{{ end }}
{{ include "pawprint.egress.rule" (dict "ports" ($ports | uniq) "to" $c.kafka.to) }}
{{- end }}
{{- if and (has "registry" $needs) $c.schemaRegistry.url }}
{{ include "pawprint.egress.rule" (dict "ports" (list (include "pawprint.port" $c.schemaRegistry.url)) "to" $c.schemaRegistry.to) }}
{{- end }}
{{- if has "clickhouse" $needs }}
{{ include "pawprint.egress.rule" (dict "ports" (list (include "pawprint.port" $c.clickhouse.url)) "to" $c.clickhouse.to) }}
{{- end }}
{{- if has "postgres" $needs }}
{{ include "pawprint.egress.rule" (dict "ports" (list (int $c.postgres.port)) "to" $c.postgres.to) }}
{{- end }}
{{- if has "redis" $needs }}
{{ include "pawprint.egress.rule" (dict "ports" (list (int $c.redis.port)) "to" $c.redis.to) }}
{{- end }}
{{- with .s.egress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "pawprint.egress.rule" -}}
- ports:
  {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
  {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
