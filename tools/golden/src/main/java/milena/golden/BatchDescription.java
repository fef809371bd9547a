package milena.golden;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.RecordBatch;

/** What Kafka's own decoder finds in the bytes of one or more record batches. */
final class BatchDescription {
    private BatchDescription() {
    }

    static ArrayNode describe(byte[] bytes) {
        ArrayNode batches = FixtureFile.JSON.createArrayNode();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches()) {
            batch.ensureValid();
            batches.add(describe((DefaultRecordBatch) batch));
        }
        return batches;
    }

    private static ObjectNode describe(DefaultRecordBatch batch) {
        ObjectNode node = FixtureFile.JSON.createObjectNode();
        node.put("baseOffset", batch.baseOffset());
        node.put("lastOffset", batch.lastOffset());
        node.put("partitionLeaderEpoch", batch.partitionLeaderEpoch());
        node.put("magic", batch.magic());
        node.put("crc", batch.checksum());
        node.put("compression", batch.compressionType().name);
        node.put("timestampType", batch.timestampType().name);
        node.put("isTransactional", batch.isTransactional());
        node.put("isControl", batch.isControlBatch());
        if (batch.deleteHorizonMs().isPresent()) {
            node.put("deleteHorizonMs", batch.deleteHorizonMs().getAsLong());
        } else {
            node.putNull("deleteHorizonMs");
        }
        node.put("baseTimestamp", batch.baseTimestamp());
        node.put("maxTimestamp", batch.maxTimestamp());
        node.put("producerId", batch.producerId());
        node.put("producerEpoch", batch.producerEpoch());
        node.put("baseSequence", batch.baseSequence());
        ArrayNode records = node.putArray("records");
        for (Record record : (RecordBatch) batch) {
            ObjectNode one = records.addObject();
            one.put("offset", record.offset());
            one.put("timestamp", record.timestamp());
            putBytes(one, "key", record.key());
            putBytes(one, "value", record.value());
            ArrayNode headers = one.putArray("headers");
            for (Header header : record.headers()) {
                ObjectNode pair = headers.addObject();
                pair.put("key", header.key());
                putBytes(pair, "value", header.value() == null ? null : ByteBuffer.wrap(header.value()));
            }
        }
        return node;
    }

    /** Hex; `{"byte": "61", "times": n}` where a long value repeats one byte, so that large batches stay small files. */
    private static void putBytes(ObjectNode node, String name, ByteBuffer buffer) {
        if (buffer == null) {
            node.putNull(name);
            return;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        boolean repeats = bytes.length > 64;
        for (int i = 1; repeats && i < bytes.length; i++) {
            repeats = bytes[i] == bytes[0];
        }
        if (repeats) {
            ObjectNode run = node.putObject(name);
            run.put("byte", HexFormat.of().formatHex(bytes, 0, 1));
            run.put("times", bytes.length);
        } else {
            node.put(name, HexFormat.of().formatHex(bytes));
        }
    }

    static void decodeLines(InputStream in, PrintStream out) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            ObjectNode answer = FixtureFile.JSON.createObjectNode();
            try {
                answer.set("batches", describe(HexFormat.of().parseHex(line.trim())));
            } catch (RuntimeException refused) {
                answer.put("error", refused.toString());
            }
            out.println(FixtureFile.JSON.writeValueAsString(answer));
        }
        out.flush();
    }
}
