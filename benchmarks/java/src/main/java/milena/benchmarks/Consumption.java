package milena.benchmarks;

import java.lang.management.ManagementFactory;
import java.util.Locale;

/** Counts and sums what a Java subject consumes, and prints what every subject prints. One thread at a time. */
final class Consumption {
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
