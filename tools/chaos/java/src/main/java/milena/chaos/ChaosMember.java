package milena.chaos;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;

import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.ShareConsumer;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member that says what it was handed and what the broker confirmed: the lines of {@code member-lines.ts}.
 *
 * <p>Arguments: bootstrap servers, topic, group, name, partitions, records a second, request timeout in ms (0: the default).
 */
public final class ChaosMember {
    private static volatile boolean stopping;

    private ChaosMember() {
    }

    public static void main(String[] args) throws Exception {
        int partitions = Integer.parseInt(args[4]);
        double rate = Double.parseDouble(args[5]);
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("client.id", args[3]);
        settings.put("max.poll.records", "100");
        settings.put("share.acknowledgement.mode", "explicit");
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        if (!args[6].equals("0")) {
            settings.put("request.timeout.ms", args[6]);
        }

        ShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(settings);
        Thread loop = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping = true;
            say("\"stopping\":true");
            consumer.wakeup();
            try {
                // The JVM halts when its hooks are done.
                loop.join();
            } catch (InterruptedException impossible) {
                Thread.currentThread().interrupt();
            }
        }));
        consumer.setAcknowledgementCommitCallback(ChaosMember::verdict);
        consumer.subscribe(List.of(args[1]));
        while (!stopping) {
            try {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(1000));
                if (records.isEmpty()) {
                    continue;
                }
                received(records, partitions);
                Thread.sleep((long) (records.count() / rate * 1000));
                finished(records);
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    consumer.acknowledge(record, AcknowledgeType.ACCEPT);
                }
            } catch (WakeupException wakeup) {
                // Only the stop wakes it up.
            } catch (RuntimeException failed) {
                say("\"error\":\"poll: " + failed.getClass().getSimpleName() + "\"");
                Thread.sleep(100);
            }
        }
        try {
            consumer.close();
        } catch (RuntimeException failed) {
            say("\"error\":\"close: " + failed.getClass().getSimpleName() + "\"");
        }
        say("\"stopped\":[]");
    }

    private static void received(ConsumerRecords<byte[], byte[]> records, int partitions) {
        StringBuilder runs = new StringBuilder();
        int partition = -1;
        long first = -1;
        long last = -1;
        int count = -1;
        for (ConsumerRecord<byte[], byte[]> record : records) {
            String number = new String(record.value(), StandardCharsets.UTF_8);
            if (Long.parseLong(number) != record.offset() * partitions + record.partition()) {
                say("\"foreign\":\"" + record.partition() + "@" + record.offset() + " is " + number + "\"");
            }
            int deliveries = record.deliveryCount().orElse((short) 0);
            if (record.partition() != partition || record.offset() != last + 1 || deliveries != count) {
                run(runs, partition, first, last, count);
                partition = record.partition();
                first = record.offset();
                count = deliveries;
            }
            last = record.offset();
        }
        run(runs, partition, first, last, count);
        say("\"received\":[" + runs + "]");
    }

    private static void run(StringBuilder runs, int partition, long first, long last, int count) {
        if (partition < 0) {
            return;
        }
        runs.append(runs.isEmpty() ? "[" : ",[").append(partition).append(',').append(first).append(',').append(last)
                .append(',').append(count).append(']');
    }

    private static void finished(ConsumerRecords<byte[], byte[]> records) {
        StringBuilder runs = new StringBuilder();
        for (TopicPartition partition : records.partitions()) {
            long first = -1;
            long last = -1;
            for (ConsumerRecord<byte[], byte[]> record : records.records(partition)) {
                if (record.offset() != last + 1 || first < 0) {
                    answered(runs, partition.partition(), first, last);
                    first = record.offset();
                }
                last = record.offset();
            }
            answered(runs, partition.partition(), first, last);
        }
        say("\"finished\":[" + runs + "]");
    }

    private static void verdict(Map<TopicIdPartition, Set<Long>> offsets, Exception error) {
        StringBuilder runs = new StringBuilder();
        for (Map.Entry<TopicIdPartition, Set<Long>> entry : offsets.entrySet()) {
            long first = -1;
            long last = -1;
            for (long offset : new TreeSet<>(entry.getValue())) {
                if (offset != last + 1 || first < 0) {
                    answered(runs, entry.getKey().partition(), first, last);
                    first = offset;
                }
                last = offset;
            }
            answered(runs, entry.getKey().partition(), first, last);
        }
        if (error == null) {
            say("\"accepted\":[" + runs + "]");
        } else {
            say("\"refused\":[" + runs + "],\"error\":\"" + error.getClass().getSimpleName() + "\"");
        }
    }

    private static void answered(StringBuilder runs, int partition, long first, long last) {
        if (first >= 0) {
            runs.append(runs.isEmpty() ? "[" : ",[").append(partition).append(',').append(first).append(',').append(last)
                    .append(']');
        }
    }

    private static void say(String rest) {
        System.out.println("{\"t\":" + System.currentTimeMillis() + "," + rest + "}");
        if (System.out.checkError()) {
            // Nobody listens any more.
            Runtime.getRuntime().halt(71);
        }
    }
}
