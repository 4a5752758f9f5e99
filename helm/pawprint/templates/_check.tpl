{{/* Values that fit the schema and yet make no sense together. */}}

{{- define "pawprint.scaled" -}}
{{- if and .scale (or .scale.cpu.enabled (dig "lag" "enabled" false .scale)) }}true{{ end -}}
{{- end -}}

{{- define "pawprint.check" -}}
{{- $programs := .Files.Get "files/programs.yaml" | fromYaml -}}
{{- $needs := (index $programs "pawprint").needs -}}
{{- if eq .Values.jobs.mode "none" }}{{ $needs = list }}{{ end -}}
{{- range $name, $service := .Values.services -}}
{{- $s := mustMergeOverwrite (deepCopy $.Values.defaults) (deepCopy $service) -}}
{{- if $s.enabled -}}
{{- $facts := index $programs $name -}}
{{- $needs = concat $needs $facts.needs -}}
{{- include "pawprint.check.service" (dict "root" $ "name" $name "facts" $facts "s" $s) -}}
{{- end -}}
{{- end -}}
{{- include "pawprint.check.routing" .Values.routing -}}
{{- include "pawprint.check.hosts" . -}}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsFrom) }}{{ fail "networkPolicy.metricsFrom: without the Prometheus of monitoring.serviceMonitor in it nothing is read" }}{{ end -}}
{{- include "pawprint.check.operators" . -}}
{{- include "pawprint.check.connections" (dict "c" .Values.connections "needs" ($needs | uniq)) -}}
{{- end -}}

{{- define "pawprint.check.routing" -}}
{{- if and .gateway.enabled (not .gateway.parents) }}{{ fail "routing.gateway.parents: the gateways that take the routes" }}{{ end -}}
{{- if and .certManager.enabled (not .certManager.issuer.name) }}{{ fail "routing.certManager.issuer.name: who signs" }}{{ end -}}
{{- end -}}

{{- define "pawprint.check.operators" -}}
{{- if and .Values.topics.strimzi.enabled (not .Values.topics.strimzi.cluster) }}{{ fail "topics.strimzi.cluster: the Kafka that the topics belong to" }}{{ end -}}
{{- if .Values.cnpg.enabled -}}
{{- $c := .Values.connections.postgres -}}
{{- $host := printf "%s-rw" (include "pawprint.name" (dict "root" . "name" "postgres")) -}}
{{- if and (ne $c.host $host) (not (hasPrefix (print $host ".") $c.host)) }}{{ fail (printf "connections.postgres.host: cnpg.enabled makes %s" $host) }}{{ end -}}
{{- if eq .Values.jobs.mode "hook" }}{{ fail "jobs.mode: hook runs before cnpg.enabled makes a server; job or none" }}{{ end -}}
{{- range $name := prepend (include "pawprint.roles" . | fromYamlArray) "owner" -}}
{{- $role := get $c.roles $name -}}
{{- if not (and $role.existingSecret (eq $role.key "password")) }}{{ fail (printf "connections.postgres.roles.%s: cnpg.enabled needs a secret of its own, existingSecret, with key: password" $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Two services at one address: which one is reached, nobody would know. */}}
{{- define "pawprint.check.hosts" -}}
{{- $programs := .Files.Get "files/programs.yaml" | fromYaml -}}
{{- $taken := dict -}}
{{- range $name, $service := .Values.services -}}
{{- $s := mustMergeOverwrite (deepCopy $.Values.defaults) (deepCopy $service) -}}
{{- range $host := ternary $s.route.hosts list $s.enabled -}}
{{- $at := print $host (dig $name "public" "path" "" $programs) -}}
{{- with get $taken $at }}{{ fail (printf "services.%s.route.hosts: %s is of services.%s" $name $at .) }}{{ end -}}
{{- $_ := set $taken $at $name -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pawprint.check.connections" -}}
{{- if and (has "kafka" .needs) (not .c.kafka.brokers) }}{{ fail "connections.kafka.brokers: where Kafka is, [host:port]" }}{{ end -}}
{{- if and (has "clickhouse" .needs) (not .c.clickhouse.url) }}{{ fail "connections.clickhouse.url: where ClickHouse is, http://host:8123" }}{{ end -}}
{{- if and (has "postgres" .needs) (not .c.postgres.host) }}{{ fail "connections.postgres.host: where Postgres is" }}{{ end -}}
{{- if and (has "redis" .needs) (not .c.redis.host) }}{{ fail "connections.redis.host: where Redis is" }}{{ end -}}
{{- if and .c.kafka.sasl.mechanism (not .c.kafka.sasl.existingSecret) }}{{ fail "connections.kafka.sasl.existingSecret: the secret that has the user and password" }}{{ end -}}
{{- end -}}

{{- define "pawprint.check.service" -}}
{{- $at := printf "services.%s" .name -}}
{{- if and .s.secrets.keys (not .s.secrets.existingSecret) }}{{ fail (printf "%s.secrets.existingSecret: the secret that has its keys" $at) }}{{ end -}}
{{- range $setting, $key := .s.secrets.keys -}}
{{- if hasKey $.s.settings $setting }}{{ fail (printf "%s: %s is among settings and secrets" $at $setting) }}{{ end -}}
{{- end -}}
{{- range $setting := .facts.secrets | default list -}}
{{- if and (not (hasKey $.s.secrets.keys $setting)) (ne (toString (get $.s.settings $.facts.unless)) "off") (ne (toString (get $.s.settings $.facts.unless)) "false") }}{{ fail (printf "%s.secrets.keys.%s: the key that holds it; or %s.settings.%s: \"off\"" $at $setting $at $.facts.unless) }}{{ end -}}
{{- end -}}
{{- if and (eq .s.membership "static") (not .facts.consumer) }}{{ fail (printf "%s.membership: it is no consumer" $at) }}{{ end -}}
{{- if and .facts.consumer (not (include "pawprint.scaled" .s)) (gt (int .s.replicas) (int .root.Values.topics.partitions)) }}{{ fail (printf "%s.replicas: above topics.partitions, the others would have nothing to do" $at) }}{{ end -}}
{{- if .s.route.hosts -}}
{{- $routing := .root.Values.routing -}}
{{- if not (include "pawprint.public" .) }}{{ fail (printf "%s.route.hosts: it has no public port%s" $at (ternary (printf " without settings.%s" (dig "public" "when" "" .facts)) "" (hasKey (.facts.public | default dict) "when"))) }}{{ end -}}
{{- if not (or $routing.ingress.enabled $routing.gateway.enabled) }}{{ fail (printf "%s.route.hosts: needs routing.ingress.enabled or routing.gateway.enabled" $at) }}{{ end -}}
{{- with .facts.public.hops -}}
{{- if not (get $.s.settings .) }}{{ fail (printf "%s.settings.%s: how many proxies stand before it; without it all visitors are one" $at .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- with .s.scale -}}
{{- $lag := .lag | default (dict "enabled" false) -}}
{{- if and .cpu.enabled (gt (int .cpu.min) (int .cpu.max)) }}{{ fail (printf "%s.scale.cpu: min is above max" $at) }}{{ end -}}
{{- if and .cpu.enabled $lag.enabled }}{{ fail (printf "%s.scale: cpu and lag are both on; one decides" $at) }}{{ end -}}
{{- if and .cpu.enabled $.facts.consumer (gt (int .cpu.max) (int $.root.Values.topics.partitions)) }}{{ fail (printf "%s.scale.cpu.max: above topics.partitions, the others would have nothing to do" $at) }}{{ end -}}
{{- if $lag.enabled -}}
{{- if gt (int $lag.min) (int $lag.max) }}{{ fail (printf "%s.scale.lag: min is above max" $at) }}{{ end -}}
{{- if gt (int $lag.max) (int $.root.Values.topics.partitions) }}{{ fail (printf "%s.scale.lag.max: above topics.partitions, the others would have nothing to do" $at) }}{{ end -}}
{{- range $what := list "group" "topic" "offsetResetPolicy" -}}
{{- $is := get $.facts.consumer $what -}}
{{- if eq $what "topic" }}{{ $is = print $.root.Values.topicPrefix $is }}{{ end -}}
{{- if ne (get $lag $what | default $is) $is }}{{ fail (printf "%s.scale.lag.%s: the service has %s" $at $what $is) }}{{ end -}}
{{- end -}}
{{- if and (eq $lag.from "metric") (not $.root.Values.connections.prometheus.url) }}{{ fail (printf "%s.scale.lag.from: metric needs connections.prometheus.url" $at) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
