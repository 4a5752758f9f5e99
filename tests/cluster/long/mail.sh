# Sourced by run: the devstack's mailbox gets a mail of the notifier.
mail_image=${PAWPRINT_MAILPIT_IMAGE:-$(sed -n '/^mail:/,/image:/s/^  image: //p' "$devstack_chart/values.yaml")}
devstack+=(--set mail.enabled=true --set "mail.image=$mail_image")

mailbox_runs() {
    PAWPRINT_MAILPIT_IMAGE=$mail_image "$root/tests/standins/with-engine" "$here/standin" mailpit "$mail_image" &&
        "$cluster" helm upgrade "${devstack[@]}"
}

subjects() {
    local address
    address=$(on get service mail -o 'jsonpath={.spec.clusterIP}')
    "$cluster" run "$python" -c 'import json, sys, urllib.request
with urllib.request.urlopen(f"http://{sys.argv[1]}:8025/api/v1/messages", timeout=10) as answer:
    print(*(mail["Subject"] for mail in json.load(answer)["messages"]), sep="\n")' "$address"
}

a_mail_arrives() {
    local alert end=$((SECONDS + 90))
    alert=$(pawprint alert add "$site" no_data --json | field alert) && pawprint alert test "$alert" || return 1
    until subjects | grep -F '[Test]' >"$said"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 1
    done
}

needed 'the devstack has a mailbox' mailbox_runs
step 'the test of an alert comes to it as a mail' a_mail_arrives
