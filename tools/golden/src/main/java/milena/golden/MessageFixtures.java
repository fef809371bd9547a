package milena.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.RawTaggedField;

/**
 * Every request and response of the APIs in use, at every released version, in several fillings: the JSON is what Kafka's
 * JsonConverter says of the message, the hex what its generated code writes.
 */
final class MessageFixtures {
    private static final int RANDOM_FILLINGS = 3;

    private static final List<RawTaggedField> UNKNOWN_TAGS = List.of(
        new RawTaggedField(90, new byte[] {1, 2, 3}), new RawTaggedField(4000, new byte[130]));

    private final Definitions definitions;

    MessageFixtures(Definitions definitions) {
        this.definitions = definitions;
    }

    void writeTo(Path folder) throws Exception {
        FixtureFile.emptyFolder(folder);
        for (ApiKeys api : Definitions.APIS) {
            short last = api.latestVersion(false);
            write(folder, api.name + "Request", api.oldestVersion(), last);
            write(folder, api.name + "Response", api.oldestVersion(), last);
        }
        write(folder, "RequestHeader", (short) 1, (short) 2);
        write(folder, "ResponseHeader", (short) 0, (short) 1);
    }

    private void write(Path folder, String name, short first, short last) throws Exception {
        JsonNode definition = definitions.get(name);
        ObjectNode head = FixtureFile.JSON.createObjectNode();
        head.put("message", name);
        head.set("apiKey", definition.get("apiKey"));
        head.set("type", definition.get("type"));
        head.put("firstVersion", first);
        head.put("lastVersion", last);
        List<ObjectNode> cases = new ArrayList<>();
        for (short version = first; version <= last; version++) {
            // Two fillings can come to the same bytes (a message without nullable fields): one is enough.
            Set<String> seen = new LinkedHashSet<>();
            for (ValueFiller.Style style : ValueFiller.Style.values()) {
                int rounds = style == ValueFiller.Style.RANDOM ? RANDOM_FILLINGS : 1;
                for (int round = 0; round < rounds; round++) {
                    String filling = style.name().toLowerCase() + (rounds == 1 ? "" : "-" + (round + 1));
                    long seed = (name + "/" + version + "/" + filling).hashCode();
                    JsonNode given = new ValueFiller(definition, version, style, seed).fill();
                    ObjectNode one = serialise(name, version, filling, given, List.of());
                    if (seen.add(one.get("hex").textValue())) {
                        cases.add(one);
                    }
                }
            }
        }
        // What a newer broker may send: tags that this version does not know.
        List<ObjectNode> withUnknownTags = new ArrayList<>();
        for (short version = first; version <= last; version++) {
            if (ValueFiller.within(definition.get("flexibleVersions"), version)) {
                JsonNode given = new ValueFiller(definition, version, ValueFiller.Style.RANDOM, version).fill();
                withUnknownTags.add(serialise(name, version, "unknown-tags", given, UNKNOWN_TAGS));
            }
        }
        Map<String, List<ObjectNode>> lists = new LinkedHashMap<>();
        lists.put("cases", cases);
        lists.put("casesWithUnknownTags", withUnknownTags);
        FixtureFile.writeCases(folder.resolve(name + ".json"), head, lists);
        System.out.println(name + ": versions " + first + " to " + last + ", " + cases.size() + " cases");
    }

    private static ObjectNode serialise(String name, short version, String filling, JsonNode given,
        List<RawTaggedField> unknownTags) throws Exception {
        Class<?> data = Class.forName("org.apache.kafka.common.message." + name + "Data");
        Class<?> converter = Class.forName(data.getName() + "JsonConverter");
        Message message;
        JsonNode json;
        try {
            message = (Message) converter.getMethod("read", JsonNode.class, short.class).invoke(null, given, version);
            json = (JsonNode) converter.getMethod("write", data, short.class).invoke(null, message, version);
        } catch (InvocationTargetException failed) {
            throw new IOException(name + " version " + version + " (" + filling + "): " + given, failed.getCause());
        }
        copyRecords(given, json);
        message.unknownTaggedFields().addAll(unknownTags);

        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer bytes = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(bytes), cache, version);
        if (bytes.hasRemaining()) {
            throw new IOException(name + " version " + version + ": wrote less than size() said");
        }

        ObjectNode one = FixtureFile.JSON.createObjectNode();
        one.put("version", version);
        one.put("filling", filling);
        one.set("json", json);
        one.put("hex", HexFormat.of().formatHex(bytes.array()));
        return one;
    }

    /** The converter writes "records" fields as nothing; put the bytes (base64) that were given. */
    private static void copyRecords(JsonNode from, JsonNode to) {
        if (to instanceof ObjectNode object) {
            from.fields().forEachRemaining(field -> {
                if (field.getKey().equals("records")) {
                    object.set("records", field.getValue());
                    object.remove("recordsSizeInBytes");
                } else if (object.has(field.getKey())) {
                    copyRecords(field.getValue(), object.get(field.getKey()));
                }
            });
        } else if (to.isArray()) {
            for (int i = 0; i < to.size(); i++) {
                copyRecords(from.get(i), to.get(i));
            }
        }
    }
}
