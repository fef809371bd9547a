package milena.kafka;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One Kafka node that lives no longer than whoever started it.
 *
 * <p>Its standard input is a pipe from the parent process. When that pipe ends, whatever the parent died of, the node removes
 * the cluster's folder and halts: nothing has to be told, and SIGKILL of the parent is no special case. A line
 * {@code probe share-groups <port> <port> ...}, the ports of the brokers that run, asks whether share groups are really served
 * ({@code probe groups ...}: groups of the older kinds only); the answer is a line on standard output, {@code READY <ms>} or
 * {@code FAILED <reason>}. Kafka's own output goes to standard error.
 *
 * <p>Arguments: server.properties and the cluster's folder; when the storage is still to be formatted, the cluster id too, and
 * {@code name=level} for each feature that is not to have the level of the release.
 */
public final class BrokerProcess {
    private BrokerProcess() {
    }

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err);
        String properties = args[0];
        Path folder = Path.of(args[1]);

        Thread parent = new Thread(() -> followParent(folder, answers), "parent");
        parent.setDaemon(true);
        parent.start();

        if (args.length > 2) {
            List<String> format = new ArrayList<>(List.of("format", "--cluster-id", args[2], "--config", properties));
            for (String feature : List.of(args).subList(3, args.length)) {
                format.addAll(List.of("--feature", feature));
            }
            int code = kafka.tools.StorageTool.execute(format.toArray(String[]::new), System.err);
            if (code != 0) {
                System.exit(code);
            }
        }
        kafka.Kafka.main(new String[] {properties});
    }

    private static void followParent(Path folder, PrintStream answers) {
        try {
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ");
                if (words[0].equals("probe")) {
                    // On a thread of its own: the end of the pipe must be noticed also during a probe.
                    Thread probe = new Thread(() -> probe(words, answers), "readiness-probe");
                    probe.setDaemon(true);
                    probe.start();
                }
            }
        } catch (IOException broken) {
            // As good as its end.
        }
        removeAndHalt(folder);
    }

    private static void probe(String[] words, PrintStream answers) {
        long began = System.nanoTime();
        try {
            boolean shareGroups = words[1].equals("share-groups");
            new ReadinessProbe(Arrays.stream(words).skip(2).map(Integer::valueOf).toList(), shareGroups).run();
            answers.println("READY " + (System.nanoTime() - began) / 1_000_000);
        } catch (Exception failed) {
            failed.printStackTrace();
            answers.println("FAILED " + failed.getMessage());
        }
        answers.flush();
    }

    private static void removeAndHalt(Path folder) {
        // A broker that finds its files gone halts its JVM: that must not happen half-way.
        sleepInsteadOfEnding();
        // And its threads may still create one while the folder goes: try until it is gone.
        long giveUp = System.nanoTime() + 10_000_000_000L;
        while (Files.exists(folder) && System.nanoTime() < giveUp) {
            try {
                Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                        Files.deleteIfExists(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path file, IOException gone) {
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path directory, IOException failure) {
                        File emptied = directory.toFile();
                        emptied.delete();
                        return FileVisitResult.CONTINUE;
                    }
                });
            } catch (IOException busy) {
                sleep(1);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    /** Kafka's own ways to end the JVM are closed. Their class has another package since 4.4, so it is looked for by name. */
    private static void sleepInsteadOfEnding() {
        for (String name : List.of("org.apache.kafka.common.utils.internals.Exit", "org.apache.kafka.common.utils.Exit")) {
            try {
                Class<?> exit = Class.forName(name);
                Class<?> procedure = Class.forName(name + "$Procedure");
                Object asleep = Proxy.newProxyInstance(procedure.getClassLoader(), new Class<?>[] {procedure},
                    (proxy, method, given) -> {
                        sleep(Long.MAX_VALUE);
                        return null;
                    });
                exit.getMethod("setHaltProcedure", procedure).invoke(null, asleep);
                exit.getMethod("setExitProcedure", procedure).invoke(null, asleep);
                return;
            } catch (ReflectiveOperationException ofAnotherRelease) {
                // The next name.
            }
        }
    }

    private static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }
}
