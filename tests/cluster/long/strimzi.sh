# Sourced by run: the API server takes the chart's KafkaTopics by Strimzi's own
# definition. No operator runs here: no package brings one.
kind=kafkatopics.kafka.strimzi.io
product+=(--set topics.strimzi.enabled=true --set topics.strimzi.cluster=here)

defined() { # and it is the one that tests/helm checks the chart against
    "$root/tests/standins/with-engine" "$here/long/strimzi/define" >"$state/kafkatopic.yaml" &&
        diff <(grep -v '^#' "$root/tests/helm/kinds/kafkatopic.yaml") "$state/kafkatopic.yaml" &&
        "$cluster" kubectl apply --server-side -f "$state/kafkatopic.yaml" &&
        "$cluster" kubectl wait --for=condition=Established "crd/$kind" --timeout=60s
}

topics() { on get "$kind" -o 'jsonpath={range .items[*]}{.spec.topicName} {.spec.partitions}{"\n"}{end}' | sort; }
partitions_as_the_program_has_them() { # COUNT
    pawprint topics list --partitions "$1" --json | "$python" -c 'import json, sys
for topic in json.load(sys.stdin):
    print(topic["name"], topic["partitions"])' | sort | diff - <(topics) && topics | wc -l >"$said"
}

asked() { "$cluster" helm upgrade "${product[@]}" && partitions_as_the_program_has_them 8; }
asked_for_more() {
    "$cluster" helm upgrade "${product[@]}" --set topics.partitions=12 && partitions_as_the_program_has_them 12
}

wrong_ones_are_refused() {
    local topic
    topic=$(on get "$kind" -o json | "$python" -c 'import json, sys
topic = json.load(sys.stdin)["items"][0]
topic["metadata"] = {"name": "wrong"}
json.dump(topic, sys.stdout)')
    on create --dry-run=server -f - <<<"$topic" &&
        ! on create --dry-run=server -f - <<<"${topic/\"partitions\": /\"partitions\": -}" &&
        ! on create --dry-run=server -f - <<<"${topic/\"partitions\": /\"parts\": }"
}

no_longer_asked() {
    local before
    before=$(topics)
    "$cluster" helm upgrade "${product[@]}" --set topics.strimzi.enabled=false && [ "$(topics)" = "$before" ]
}

needed "Strimzi's generator makes the definition that the chart is checked against, and the API server takes it" defined
needed 'the chart asks for the topics that the program makes' asked
step 'a KafkaTopic with wrong numbers or names would be refused' wrong_ones_are_refused
step 'they have more partitions when the chart is told so' asked_for_more
step 'they stay when the chart no longer asks for them' no_longer_asked
