package milena.golden;

import java.nio.file.Path;

/**
 * {@code write <folder>} writes every fixture; {@code decode} reads record batches as lines of hex from standard input and
 * prints for each one line of JSON: what Kafka's own decoder makes of it, or {@code {"error": "..."}}.
 */
public final class Golden {
    private Golden() {
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 2 && args[0].equals("write")) {
            Path folder = Path.of(args[1]);
            Definitions definitions = new Definitions();
            definitions.writeTo(folder.resolve("definitions"));
            new MessageFixtures(definitions).writeTo(folder.resolve("messages"));
            new BatchFixtures().writeTo(folder.resolve("batches"));
            ErrorCodes.writeTo(folder.resolve("error-codes.json"));
        } else if (args.length == 1 && args[0].equals("decode")) {
            BatchDescription.decodeLines(System.in, System.out);
        } else {
            System.err.println("Give `write <folder>` or `decode`.");
            System.exit(2);
        }
    }
}
