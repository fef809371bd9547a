package milena.golden;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

/** Every error code of Kafka, with its name and whether Kafka's own client tries again after it. */
final class ErrorCodes {
    private ErrorCodes() {
    }

    static void writeTo(Path file) throws IOException {
        List<Errors> codes = Arrays.stream(Errors.values()).sorted(Comparator.comparingInt(Errors::code)).toList();
        StringBuilder text = new StringBuilder("[\n");
        for (Errors code : codes) {
            ObjectNode one = FixtureFile.JSON.createObjectNode();
            one.put("code", code.code());
            one.put("name", code.name());
            one.put("retriable", code.exception() instanceof RetriableException);
            text.append(FixtureFile.JSON.writeValueAsString(one)).append(code == codes.get(codes.size() - 1) ? "\n" : ",\n");
        }
        Files.writeString(file, text.append("]\n"));
        System.out.println("error codes: " + codes.size());
    }
}
