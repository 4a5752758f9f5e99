"""What a user would write first, beside the writer; and errands in Kafka.

    peer.py copy BROKERS TOPIC GROUP URL COUNT    rows of JSON into ClickHouse
    peer.py topic BROKERS TOPIC PARTITIONS        makes it
    peer.py forget BROKERS GROUP                  a group begins anew

copy prints the seconds that it took from its first record on, those of its own
CPU time, and the bytes that it sent. Runs with the confluent-kafka that
tests/bench/run installs.
"""
import sys
import time
import urllib.request

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic

BATCH = 100_000


def post(url, values):
    with urllib.request.urlopen(url, b"\n".join(values), timeout=120) as answer:
        answer.read()


def copy(brokers, topic, group, url, count):
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group,
                         "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe([topic])
    values, done, sent, start = [], 0, 0, None
    spent = time.process_time()
    while done < int(count):
        values += [message.value()
                   for message in consumer.consume(10_000, 1.0)
                   if not message.error()]
        start = start or (values and time.monotonic())
        if len(values) >= min(BATCH, int(count) - done):
            post(url, values)
            consumer.commit(asynchronous=False)
            done += len(values)
            sent += sum(map(len, values))
            values = []
    print(time.monotonic() - start, time.process_time() - spent, sent)
    consumer.close()


def topic(brokers, name, partitions):
    admin = AdminClient({"bootstrap.servers": brokers})
    for made in admin.create_topics(
            [NewTopic(name, int(partitions), 1)]).values():
        made.result(30)


def forget(brokers, group):
    admin = AdminClient({"bootstrap.servers": brokers})
    for gone in admin.delete_consumer_groups([group]).values():
        gone.result(30)


{"copy": copy, "topic": topic, "forget": forget}[sys.argv[1]](*sys.argv[2:])
