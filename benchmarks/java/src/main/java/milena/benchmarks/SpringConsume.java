package milena.benchmarks;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.springframework.kafka.core.DefaultShareConsumerFactory;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.ShareKafkaMessageListenerContainer;

/**
 * Consumes a given number of records with Spring's share container: one member, a trivial listener, acknowledgement mode EXPLICIT,
 * everything else as it comes. Prints what every subject prints.
 *
 * <p>Arguments: bootstrap servers, topic, group, records, max.poll.records.
 */
public final class SpringConsume {
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    private SpringConsume() {
    }

    public static void main(String[] args) throws InterruptedException {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", args[0],
                "max.poll.records", args[4],
                "key.deserializer", ByteArrayDeserializer.class.getName(),
                "value.deserializer", ByteArrayDeserializer.class.getName());
        ContainerProperties properties = new ContainerProperties(args[1]);
        properties.setGroupId(args[2]);
        properties.setShareAckMode(ContainerProperties.ShareAckMode.EXPLICIT);

        Consumption consumption = new Consumption(Long.parseLong(args[3]));
        CountDownLatch complete = new CountDownLatch(1);
        MessageListener<byte[], byte[]> listener = record -> {
            consumption.record(record.value());
            if (consumption.isComplete()) {
                complete.countDown();
            }
        };
        ShareKafkaMessageListenerContainer<byte[], byte[]> container =
                new ShareKafkaMessageListenerContainer<>(new DefaultShareConsumerFactory<>(settings), properties);
        container.setupMessageListener(listener);
        consumption.subscribed();
        container.start();
        boolean inTime = complete.await(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        container.stop();
        if (inTime) {
            consumption.print();
        } else {
            System.err.println("Not all records came within " + PATIENCE.toSeconds() + " s.");
        }
        System.exit(inTime ? 0 : 1);
    }
}
