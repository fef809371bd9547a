package milena.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;

/** Makes a value of a message at one version out of its definition, in the form that JsonConverter reads. */
final class ValueFiller {
    enum Style {
        /** The default of every field; arrays are empty, whatever may be null and has no default is still a value. */
        DEFAULTS,
        /** Null wherever the version allows it, one element in every other array. */
        NULLS,
        /** The smallest numbers, empty strings and bytes, one element in every array. */
        SMALLEST,
        /** The largest numbers (int64: the largest that a double holds exactly), long and non-ASCII strings. */
        LARGEST,
        /** Anything, zero to three elements in every array. */
        RANDOM
    }

    private static final long MAX_SAFE_INTEGER = (1L << 53) - 1;
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    // One, two, three and four bytes of UTF-8.
    private static final String TEXT = "Milena a\u010dkoli\u010d \u65e5\u672c\u8a9e \ud83d\udce8";

    private final JsonNode definition;
    private final short version;
    private final Style style;
    private final Random random;
    private boolean longTextGiven;

    ValueFiller(JsonNode definition, short version, Style style, long seed) {
        this.definition = definition;
        this.version = version;
        this.style = style;
        this.random = new Random(seed);
    }

    JsonNode fill() {
        return struct(definition.get("fields"));
    }

    private ObjectNode struct(JsonNode fields) {
        ObjectNode value = JSON.objectNode();
        for (JsonNode field : fields) {
            if (within(field.get("versions"), version)) {
                value.set(jsonName(field.get("name").textValue()), field(field));
            }
        }
        return value;
    }

    private JsonNode field(JsonNode field) {
        String type = field.get("type").textValue();
        boolean nullable = field.has("nullableVersions") && within(field.get("nullableVersions"), version);
        if (nullable && (style == Style.NULLS || style == Style.RANDOM && random.nextInt(4) == 0)) {
            return JSON.nullNode();
        }
        if (style == Style.DEFAULTS) {
            return defaultOf(field, type, nullable);
        }
        if (type.startsWith("[]")) {
            ArrayNode array = JSON.arrayNode();
            int length = switch (style) {
                case LARGEST -> 2;
                case RANDOM -> random.nextInt(4);
                default -> 1;
            };
            for (int i = 0; i < length; i++) {
                array.add(single(field, type.substring(2)));
            }
            return array;
        }
        return single(field, type);
    }

    private JsonNode defaultOf(JsonNode field, String type, boolean nullable) {
        JsonNode given = field.get("default");
        String text = given == null ? null : given.asText();
        if ("null".equals(text) && nullable) {
            return JSON.nullNode();
        }
        if (type.startsWith("[]")) {
            return JSON.arrayNode();
        }
        return switch (type) {
            case "bool" -> JSON.booleanNode(text != null && Boolean.parseBoolean(text));
            case "int8", "int16", "uint16", "int32", "uint32", "int64" -> JSON.numberNode(text == null ? 0L : Long.decode(text));
            case "float64" -> JSON.numberNode(text == null ? 0.0 : Double.parseDouble(text));
            case "string" -> JSON.textNode(text == null || text.equals("null") ? "" : text);
            case "uuid" -> JSON.textNode(Uuid.ZERO_UUID.toString());
            case "bytes", "records" -> JSON.binaryNode(new byte[0]);
            default -> struct(fieldsOf(field, type));
        };
    }

    private JsonNode single(JsonNode field, String type) {
        return switch (type) {
            case "bool" -> JSON.booleanNode(style == Style.LARGEST || style == Style.RANDOM && random.nextBoolean());
            case "int8" -> integer(Byte.MIN_VALUE, Byte.MAX_VALUE);
            case "int16" -> integer(Short.MIN_VALUE, Short.MAX_VALUE);
            case "uint16" -> integer(0, 0xffff);
            case "int32" -> integer(Integer.MIN_VALUE, Integer.MAX_VALUE);
            case "uint32" -> integer(0, 0xffffffffL);
            case "int64" -> integer(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER);
            case "float64" -> JSON.numberNode(switch (style) {
                case LARGEST -> Double.MAX_VALUE;
                case RANDOM -> random.nextGaussian() * 1e6;
                default -> -Double.MAX_VALUE;
            });
            case "string" -> JSON.textNode(text());
            case "uuid" -> JSON.textNode(uuid().toString());
            case "bytes" -> JSON.binaryNode(bytes());
            case "records" -> JSON.binaryNode(records());
            default -> struct(fieldsOf(field, type));
        };
    }

    private JsonNode integer(long smallest, long largest) {
        return JSON.numberNode(switch (style) {
            case LARGEST -> largest;
            // Half small, as real values are, half from the whole range.
            case RANDOM -> random.nextBoolean()
                ? Math.max(smallest, Math.min(largest, random.nextInt(2000) - 2))
                : random.nextLong(smallest, largest);
            default -> smallest;
        });
    }

    private String text() {
        return switch (style) {
            case LARGEST -> {
                // One per message is long enough (128+) for a two-byte length: more would only swell the files.
                String text = longTextGiven ? TEXT : TEXT.repeat(5);
                longTextGiven = true;
                yield text;
            }
            case RANDOM -> {
                int from = random.nextInt(8);
                yield "orders-\u00e9-workers".substring(from, from + random.nextInt(8));
            }
            default -> "";
        };
    }

    private Uuid uuid() {
        return switch (style) {
            case LARGEST -> new Uuid(-1L, -1L);
            case RANDOM -> new Uuid(random.nextLong(), random.nextLong());
            default -> Uuid.ZERO_UUID;
        };
    }

    private byte[] bytes() {
        byte[] bytes = new byte[switch (style) {
            case LARGEST -> 140;
            case RANDOM -> random.nextInt(20);
            default -> 0;
        }];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] records() {
        if (style != Style.LARGEST && style != Style.RANDOM) {
            return new byte[0];
        }
        SimpleRecord[] records = new SimpleRecord[1 + random.nextInt(3)];
        for (int i = 0; i < records.length; i++) {
            records[i] = new SimpleRecord(1_700_000_000_000L + i, ("key-" + i).getBytes(), bytes());
        }
        ByteBuffer buffer = MemoryRecords.withRecords(Compression.NONE, records).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    private JsonNode fieldsOf(JsonNode field, String type) {
        if (field.has("fields")) {
            return field.get("fields");
        }
        for (JsonNode common : definition.path("commonStructs")) {
            if (common.get("name").textValue().equals(type)) {
                return common.get("fields");
            }
        }
        throw new IllegalStateException("No struct " + type + " in " + definition.get("name"));
    }

    /** "3", "1-4", "2+" or "none". */
    static boolean within(JsonNode versions, short version) {
        String text = versions.textValue();
        if (text.equals("none")) {
            return false;
        }
        if (text.endsWith("+")) {
            return version >= Short.parseShort(text.substring(0, text.length() - 1));
        }
        int dash = text.indexOf('-');
        return dash < 0
            ? version == Short.parseShort(text)
            : version >= Short.parseShort(text.substring(0, dash)) && version <= Short.parseShort(text.substring(dash + 1));
    }

    private static String jsonName(String name) {
        return Character.toLowerCase(name.charAt(0)) + name.substring(1);
    }
}
