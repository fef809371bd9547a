package milena.golden;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.internals.ByteBufferOutputStream;

/** Record batches (format 2) in the shapes that brokers and clients meet, one file per compression. */
final class BatchFixtures {
    private static final long NOW = 1_763_000_000_000L;
    private static final Header[] NO_HEADERS = new Header[0];

    private interface Shape {
        MemoryRecords build(Compression compression);
    }

    private record NamedShape(String name, Shape shape) {
    }

    void writeTo(Path folder) throws IOException {
        FixtureFile.emptyFolder(folder);
        for (CompressionType type : CompressionType.values()) {
            List<NamedShape> shapes = new ArrayList<>(compressible());
            shapes.addAll(type == CompressionType.NONE ? uncompressedOnly() : compressedOnly());
            List<ObjectNode> cases = new ArrayList<>();
            for (NamedShape named : shapes) {
                cases.add(serialise(named.name(), named.shape().build(Compression.of(type).build())));
            }
            ObjectNode head = FixtureFile.JSON.createObjectNode();
            head.put("compression", type.name);
            FixtureFile.writeCases(folder.resolve(type.name + ".json"), head, cases);
            System.out.println("batches, " + type.name + ": " + cases.size() + " cases");
        }
    }

    private static ObjectNode serialise(String shape, MemoryRecords records) {
        ByteBuffer buffer = records.buffer().duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        ObjectNode one = FixtureFile.JSON.createObjectNode();
        one.put("shape", shape);
        one.set("batches", BatchDescription.describe(bytes));
        one.put("hex", HexFormat.of().formatHex(bytes));
        return one;
    }

    private static List<NamedShape> compressible() {
        return List.of(
            new NamedShape("one record", compression -> MemoryRecords.withRecords(0L, compression, 0,
                record(NOW, "key", "value"))),
            new NamedShape("null key, null value, both, and empty ones", compression -> MemoryRecords.withRecords(7L,
                compression, 3, record(NOW, null, "value"), record(NOW + 1, "key", null), record(NOW + 2, null, null),
                record(NOW + 3, "", ""))),
            new NamedShape("headers, also empty, null, repeated and non-ASCII", compression -> MemoryRecords.withRecords(0L,
                compression, 0,
                record(NOW, "key", "value", header("trace-id", "abc"), header("trace-id", "def")),
                record(NOW, "key", "value", header("", ""), header("nothing", null)),
                record(NOW, "key", "value", header("p\u0159ijato \ud83d\udce8", "ano \u2713")))),
            new NamedShape("timestamps before the first, far later and none", compression -> MemoryRecords.withRecords(
                1_000_000_000_000L, compression, 12, record(NOW, "a", "1"), record(NOW - 86_400_000L, "b", "2"),
                record(NOW + 31_536_000_000L, "c", "3"), record(0, "d", "4"))),
            new NamedShape("no timestamp at all", compression -> MemoryRecords.withRecords(0L, compression, 0,
                record(RecordBatch.NO_TIMESTAMP, "key", "value"))),
            new NamedShape("log append time", BatchFixtures::logAppendTime),
            new NamedShape("idempotent producer", compression -> MemoryRecords.withIdempotentRecords(42L, compression, 4711L,
                (short) 5, 100, 9, record(NOW, "a", "1"), record(NOW, "b", "2"), record(NOW, "c", "3"))),
            new NamedShape("idempotent producer, sequence at its end", compression -> MemoryRecords.withIdempotentRecords(0L,
                compression, 9_007_199_254_740_991L, Short.MAX_VALUE, Integer.MAX_VALUE, 0, record(NOW, "a", "1"),
                record(NOW, "b", "2"))),
            new NamedShape("transactional", compression -> MemoryRecords.withTransactionalRecords(1000L, compression, 12L,
                (short) 0, 0, 1, record(NOW, "a", "1"), record(NOW + 5, "b", "2"))),
            new NamedShape("compacted: offsets with holes", BatchFixtures::compacted),
            new NamedShape("delete horizon", BatchFixtures::deleteHorizon),
            new NamedShape("100 records that hardly compress", compression -> MemoryRecords.withRecords(500L, compression, 2,
                noise(100, 40))),
            new NamedShape("two batches in a row", compression -> concat(
                MemoryRecords.withRecords(10L, compression, 1, record(NOW, "a", "1"), record(NOW, "b", "2")),
                MemoryRecords.withRecords(12L, compression, 2, record(NOW + 1, "c", "3")))));
    }

    /** Larger than a block of every codec, and small only when compressed. */
    private static List<NamedShape> compressedOnly() {
        return List.of(
            new NamedShape("300,000 equal bytes in 3 records", compression -> MemoryRecords.withRecords(0L, compression, 0,
                new SimpleRecord(NOW, null, repeated('a', 150_000)), new SimpleRecord(NOW, null, repeated('b', 100_000)),
                new SimpleRecord(NOW, null, repeated('c', 50_000)))));
    }

    private static List<NamedShape> uncompressedOnly() {
        return List.of(
            new NamedShape("control batch: commit", compression -> MemoryRecords.withEndTransactionMarker(77L, NOW, 4, 12L,
                (short) 1, new EndTransactionMarker(ControlRecordType.COMMIT, 3))),
            new NamedShape("control batch: abort", compression -> MemoryRecords.withEndTransactionMarker(78L, NOW, 4, 12L,
                (short) 1, new EndTransactionMarker(ControlRecordType.ABORT, 3))),
            new NamedShape("empty batch, as compaction leaves it", compression -> emptyBatch()),
            new NamedShape("largest safe offset", compression -> MemoryRecords.withRecords(9_007_199_254_740_990L, compression,
                Integer.MAX_VALUE, record(NOW, "a", "1"), record(NOW, "b", "2"))));
    }

    private static MemoryRecords logAppendTime(Compression compression) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(256), RecordBatch.CURRENT_MAGIC_VALUE,
            compression, TimestampType.LOG_APPEND_TIME, 20L, NOW + 1234, RecordBatch.NO_PRODUCER_ID,
            RecordBatch.NO_PRODUCER_EPOCH, RecordBatch.NO_SEQUENCE, false, false, 6);
        builder.append(record(NOW, "a", "1"));
        builder.append(record(NOW + 10, "b", "2"));
        return builder.build();
    }

    private static MemoryRecords compacted(Compression compression) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(256), compression,
            TimestampType.CREATE_TIME, 100L);
        builder.appendWithOffset(102L, record(NOW, "a", "1"));
        builder.appendWithOffset(103L, record(NOW + 1, "b", "2"));
        builder.appendWithOffset(190L, record(NOW + 2, "c", "3"));
        // Compaction keeps the batch's last offset also when that record is gone.
        builder.overrideLastOffset(199L);
        return builder.build();
    }

    private static MemoryRecords deleteHorizon(Compression compression) {
        ByteBufferOutputStream out = new ByteBufferOutputStream(256);
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(out, RecordBatch.CURRENT_MAGIC_VALUE, compression,
            TimestampType.CREATE_TIME, 30L, RecordBatch.NO_TIMESTAMP, RecordBatch.NO_PRODUCER_ID,
            RecordBatch.NO_PRODUCER_EPOCH, RecordBatch.NO_SEQUENCE, false, false, 1, 256, NOW + 60_000);
        builder.append(record(NOW, "gone", null));
        return builder.build();
    }

    private static MemoryRecords emptyBatch() {
        ByteBuffer buffer = ByteBuffer.allocate(DefaultRecordBatch.RECORD_BATCH_OVERHEAD);
        DefaultRecordBatch.writeEmptyHeader(buffer, RecordBatch.CURRENT_MAGIC_VALUE, 12L, (short) 1, 6, 40L, 49L, 4,
            TimestampType.CREATE_TIME, NOW, false, false);
        buffer.flip();
        return MemoryRecords.readableRecords(buffer);
    }

    private static MemoryRecords concat(MemoryRecords... parts) {
        ByteBuffer all = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(MemoryRecords::sizeInBytes).sum());
        for (MemoryRecords part : parts) {
            all.put(part.buffer().duplicate());
        }
        all.flip();
        return MemoryRecords.readableRecords(all);
    }

    private static SimpleRecord[] noise(int count, int size) {
        Random random = new Random(932);
        SimpleRecord[] records = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            byte[] value = new byte[size];
            random.nextBytes(value);
            records[i] = new SimpleRecord(NOW + i, utf8("k" + i), value);
        }
        return records;
    }

    private static byte[] repeated(char letter, int times) {
        byte[] bytes = new byte[times];
        Arrays.fill(bytes, (byte) letter);
        return bytes;
    }

    private static SimpleRecord record(long timestamp, String key, String value, Header... headers) {
        return new SimpleRecord(timestamp, utf8(key), utf8(value), headers.length == 0 ? NO_HEADERS : headers);
    }

    private static Header header(String key, String value) {
        return new RecordHeader(key, utf8(value));
    }

    private static byte[] utf8(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }
}
