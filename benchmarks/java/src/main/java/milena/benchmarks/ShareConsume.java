package milena.benchmarks;

import java.time.Duration;
import java.util.List;
import java.util.Properties;

import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.ShareConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Consumes a given number of records with KafkaShareConsumer and prints what every subject prints: a line when the steady
 * part begins, and one with the measurements when the last record was there.
 *
 * <p>Arguments: bootstrap servers, topic, group, records, max.poll.records, implicit or explicit.
 */
public final class ShareConsume {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private ShareConsume() {
    }

    public static void main(String[] args) {
        long expected = Long.parseLong(args[3]);
        boolean explicit = args[5].equals("explicit");
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("max.poll.records", args[4]);
        settings.put("share.acknowledgement.mode", args[5]);
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());

        Consumption consumption = new Consumption(expected);
        try (ShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(settings)) {
            consumption.subscribed();
            consumer.subscribe(List.of(args[1]));
            long lastSeen = System.nanoTime();
            while (!consumption.isComplete() && System.nanoTime() - lastSeen < PATIENCE.toNanos()) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(1000));
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    consumption.record(record.value());
                    if (explicit) {
                        consumer.acknowledge(record, AcknowledgeType.ACCEPT);
                    }
                }
                if (!records.isEmpty()) {
                    lastSeen = System.nanoTime();
                }
            }
            consumption.print();
            consumer.commitSync();
        }
    }
}
