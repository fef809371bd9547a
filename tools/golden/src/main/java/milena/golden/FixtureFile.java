package milena.golden;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Writes fixtures so that they are compact and still differ line by line. */
final class FixtureFile {
    static final JsonMapper JSON = new JsonMapper();

    private FixtureFile() {
    }

    static void emptyFolder(Path folder) throws IOException {
        Files.createDirectories(folder);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.json")) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
    }

    static void writePretty(Path file, JsonNode node) throws IOException {
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
        printer.indentArraysWith(new DefaultIndenter("  ", "\n"));
        printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
        Files.writeString(file, JSON.writer(printer).writeValueAsString(node) + "\n");
    }

    /** The fields of {@code head}, then {@code "cases"} with one case per line. */
    static void writeCases(Path file, ObjectNode head, List<ObjectNode> cases) throws IOException {
        writeCases(file, head, Map.of("cases", cases));
    }

    /** The fields of {@code head}, then every list, one case per line. */
    static void writeCases(Path file, ObjectNode head, Map<String, List<ObjectNode>> lists) throws IOException {
        String fields = JSON.writeValueAsString(head);
        StringBuilder text = new StringBuilder(fields.substring(0, fields.length() - 1));
        for (Map.Entry<String, List<ObjectNode>> list : lists.entrySet()) {
            List<String> lines = new ArrayList<>();
            for (ObjectNode one : list.getValue()) {
                lines.add(JSON.writeValueAsString(one));
            }
            text.append(",\"").append(list.getKey()).append("\":[\n").append(String.join(",\n", lines)).append("\n]");
        }
        Files.writeString(file, text.append("}\n"));
    }
}
