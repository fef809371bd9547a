package milena.golden;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.ApiKeys;

/** The message definitions inside the kafka-clients jar, without their prose (comments and "about"). */
final class Definitions {
    static final List<ApiKeys> APIS = List.of(
        ApiKeys.PRODUCE, ApiKeys.FETCH, ApiKeys.LIST_OFFSETS, ApiKeys.METADATA, ApiKeys.OFFSET_COMMIT, ApiKeys.OFFSET_FETCH,
        ApiKeys.FIND_COORDINATOR, ApiKeys.JOIN_GROUP, ApiKeys.HEARTBEAT, ApiKeys.LEAVE_GROUP, ApiKeys.SYNC_GROUP,
        ApiKeys.DESCRIBE_GROUPS, ApiKeys.LIST_GROUPS, ApiKeys.SASL_HANDSHAKE, ApiKeys.API_VERSIONS, ApiKeys.CREATE_TOPICS,
        ApiKeys.DELETE_TOPICS, ApiKeys.DELETE_RECORDS, ApiKeys.INIT_PRODUCER_ID, ApiKeys.OFFSET_FOR_LEADER_EPOCH,
        ApiKeys.ADD_PARTITIONS_TO_TXN, ApiKeys.ADD_OFFSETS_TO_TXN, ApiKeys.END_TXN, ApiKeys.TXN_OFFSET_COMMIT,
        ApiKeys.DESCRIBE_CONFIGS, ApiKeys.ALTER_CONFIGS, ApiKeys.SASL_AUTHENTICATE, ApiKeys.CREATE_PARTITIONS,
        ApiKeys.DELETE_GROUPS, ApiKeys.INCREMENTAL_ALTER_CONFIGS, ApiKeys.LIST_PARTITION_REASSIGNMENTS, ApiKeys.OFFSET_DELETE,
        ApiKeys.UPDATE_FEATURES, ApiKeys.DESCRIBE_CLUSTER, ApiKeys.LIST_CONFIG_RESOURCES, ApiKeys.DESCRIBE_TOPIC_PARTITIONS,
        ApiKeys.SHARE_GROUP_HEARTBEAT, ApiKeys.SHARE_GROUP_DESCRIBE, ApiKeys.SHARE_FETCH, ApiKeys.SHARE_ACKNOWLEDGE,
        ApiKeys.DESCRIBE_SHARE_GROUP_OFFSETS, ApiKeys.ALTER_SHARE_GROUP_OFFSETS, ApiKeys.DELETE_SHARE_GROUP_OFFSETS);

    private final Map<String, JsonNode> byName = new LinkedHashMap<>();

    Definitions() throws IOException {
        JsonMapper mapper = JsonMapper.builder().enable(JsonReadFeature.ALLOW_JAVA_COMMENTS).build();
        for (ApiKeys api : APIS) {
            load(mapper, api.name + "Request");
            load(mapper, api.name + "Response");
        }
        load(mapper, "RequestHeader");
        load(mapper, "ResponseHeader");
    }

    private void load(JsonMapper mapper, String name) throws IOException {
        try (InputStream in = ApiKeys.class.getResourceAsStream("/common/message/" + name + ".json")) {
            if (in == null) {
                throw new IOException("The kafka-clients jar holds no definition of " + name);
            }
            JsonNode definition = mapper.readTree(in);
            dropProse(definition);
            byName.put(name, definition);
        }
    }

    private static void dropProse(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.remove("about");
        }
        node.forEach(Definitions::dropProse);
    }

    JsonNode get(String name) {
        return byName.get(name);
    }

    void writeTo(Path folder) throws IOException {
        FixtureFile.emptyFolder(folder);
        for (Map.Entry<String, JsonNode> entry : byName.entrySet()) {
            FixtureFile.writePretty(folder.resolve(entry.getKey() + ".json"), entry.getValue());
        }
    }
}
