package milena.benchmarks;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
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

    private static final class Consumption {
        private final long expected;
        private final long warmUp;
        private long subscribedAt;
        private long firstAt;
        private long steadyFrom;
        private long steadyAt;
        private long steadyCpu;
        private long records;
        private long checksum;
        private long endedAt;
        private long endedCpu;

        Consumption(long expected) {
            this.expected = expected;
            this.warmUp = expected / 5;
        }

        void subscribed() {
            subscribedAt = System.nanoTime();
        }

        void record(byte[] value) {
            if (records == 0) {
                firstAt = System.nanoTime();
            }
            records++;
            checksum += (value[0] & 0xff) + (value[value.length - 1] & 0xff);
            if (records == warmUp) {
                System.out.println("{\"steady\":true}");
                steadyFrom = records;
                steadyCpu = cpuNanos();
                steadyAt = System.nanoTime();
            } else if (records == expected) {
                endedAt = System.nanoTime();
                endedCpu = cpuNanos();
            }
        }

        boolean isComplete() {
            return records >= expected;
        }

        void print() {
            System.out.printf(
                    Locale.ROOT,
                    "{\"records\":%d,\"steadyRecords\":%d,\"steadySeconds\":%.6f,\"cpuSeconds\":%.6f,\"firstRecordSeconds\":%.6f,"
                            + "\"checksum\":%d}%n",
                    records,
                    expected - steadyFrom,
                    (endedAt - steadyAt) / 1e9,
                    (endedCpu - steadyCpu) / 1e9,
                    (firstAt - subscribedAt) / 1e9,
                    checksum);
        }

        private static long cpuNanos() {
            return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
        }
    }
}
