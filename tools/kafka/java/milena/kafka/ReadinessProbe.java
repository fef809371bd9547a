package milena.kafka;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsResponseData;
import org.apache.kafka.common.message.DeleteGroupsRequestData;
import org.apache.kafka.common.message.DeleteTopicsRequestData;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.message.ShareFetchRequestData;
import org.apache.kafka.common.message.ShareFetchResponseData;
import org.apache.kafka.common.message.ShareGroupHeartbeatRequestData;
import org.apache.kafka.common.message.ShareGroupHeartbeatResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.FindCoordinatorRequest;

/**
 * Uses a share group once, so that a cluster is called ready only when it serves one and its state topic is there: all
 * brokers known, a topic made, the group joined, a fetch answered without error, everything removed again.
 *
 * <p>It speaks with Kafka's own messages and not with the library of this repository: what vouches for the broker must not
 * depend on the code under test.
 */
final class ReadinessProbe {
    private static final String NAME = "milena-readiness-probe";
    private static final long PAUSE_MS = 25;

    private final String host;
    private final int port;
    private final int brokers;

    ReadinessProbe(String host, int port, int brokers) {
        this.host = host;
        this.port = port;
        this.brokers = brokers;
    }

    private interface Attempt<T> {
        /** Null: not yet. */
        T tryOnce() throws IOException;
    }

    /** Tries until it works; the parent bounds the whole. */
    private static <T> T eventually(Attempt<T> attempt) throws InterruptedException {
        while (true) {
            try {
                T result = attempt.tryOnce();
                if (result != null) {
                    return result;
                }
            } catch (IOException notYet) {
                // No listener, or a connection that the starting broker dropped.
            }
            Thread.sleep(PAUSE_MS);
        }
    }

    void run() throws InterruptedException, IOException {
        eventually(() -> metadata(List.of()).brokers().size() >= brokers ? true : null);

        Uuid topicId = eventually(this::createTopic);
        MetadataResponseData.MetadataResponseBroker leader = eventually(() -> leaderOf(NAME));
        FindCoordinatorResponseData.Coordinator coordinator =
            eventually(() -> findCoordinator(FindCoordinatorRequest.CoordinatorType.GROUP, NAME));
        // Asking creates the state topic. With it there before the join, the join's initialisation needs no retry (2 s).
        eventually(() -> findCoordinator(FindCoordinatorRequest.CoordinatorType.SHARE, NAME + ":" + topicId + ":0"));
        eventually(() -> allLed("__consumer_offsets") && allLed("__share_group_state") ? true : null);
        String memberId = Uuid.randomUuid().toString();
        eventually(() -> heartbeat(coordinator, memberId, 0) == Errors.NONE ? true : null);
        eventually(() -> fetch(leader, memberId, topicId) == Errors.NONE ? true : null);
        heartbeat(coordinator, memberId, -1);
        call(coordinator.host(), coordinator.port(), ApiKeys.DELETE_GROUPS, (short) 2,
            new DeleteGroupsRequestData().setGroupsNames(List.of(NAME)));
        call(host, port, ApiKeys.DELETE_TOPICS, (short) 5,
            new DeleteTopicsRequestData().setTopicNames(List.of(NAME)).setTimeoutMs(10_000));
    }

    private MetadataResponseData metadata(List<String> topics) throws IOException {
        MetadataRequestData request = new MetadataRequestData().setAllowAutoTopicCreation(false);
        topics.forEach(topic -> request.topics().add(new MetadataRequestData.MetadataRequestTopic().setName(topic)));
        return (MetadataResponseData) call(host, port, ApiKeys.METADATA, (short) 12, request);
    }

    private Uuid createTopic() throws IOException {
        CreateTopicsRequestData.CreatableTopic topic = new CreateTopicsRequestData.CreatableTopic()
            .setName(NAME).setNumPartitions(1).setReplicationFactor((short) 1);
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(10_000);
        request.topics().add(topic);
        CreateTopicsResponseData answer =
            (CreateTopicsResponseData) call(host, port, ApiKeys.CREATE_TOPICS, (short) 7, request);
        CreateTopicsResponseData.CreatableTopicResult result = answer.topics().find(NAME);
        if (result.errorCode() == Errors.NONE.code()) {
            return result.topicId();
        }
        // Left by a probe before a restart.
        MetadataResponseData.MetadataResponseTopic present = metadata(List.of(NAME)).topics().find(NAME);
        return present != null && present.errorCode() == Errors.NONE.code() ? present.topicId() : null;
    }

    private MetadataResponseData.MetadataResponseBroker leaderOf(String name) throws IOException {
        MetadataResponseData answer = metadata(List.of(name));
        MetadataResponseData.MetadataResponseTopic topic = answer.topics().find(name);
        return topic == null || topic.partitions().isEmpty()
            ? null
            : answer.brokers().find(topic.partitions().get(0).leaderId());
    }

    /** Every partition has a leader and as many replicas in sync as brokers are there for. */
    private boolean allLed(String name) throws IOException {
        MetadataResponseData.MetadataResponseTopic topic = metadata(List.of(name)).topics().find(name);
        return topic != null && topic.errorCode() == Errors.NONE.code() && topic.partitions().stream()
            .allMatch(partition -> partition.leaderId() >= 0
                && partition.isrNodes().size() >= Math.min(partition.replicaNodes().size(), brokers));
    }

    private FindCoordinatorResponseData.Coordinator findCoordinator(FindCoordinatorRequest.CoordinatorType type, String key)
        throws IOException {
        FindCoordinatorRequestData request =
            new FindCoordinatorRequestData().setKeyType(type.id()).setCoordinatorKeys(List.of(key));
        FindCoordinatorResponseData answer =
            (FindCoordinatorResponseData) call(host, port, ApiKeys.FIND_COORDINATOR, (short) 6, request);
        FindCoordinatorResponseData.Coordinator found = answer.coordinators().get(0);
        return found.errorCode() == Errors.NONE.code() ? found : null;
    }

    private static Errors heartbeat(FindCoordinatorResponseData.Coordinator coordinator, String memberId, int epoch)
        throws IOException {
        ShareGroupHeartbeatRequestData request = new ShareGroupHeartbeatRequestData()
            .setGroupId(NAME).setMemberId(memberId).setMemberEpoch(epoch)
            .setSubscribedTopicNames(epoch == 0 ? List.of(NAME) : null);
        ShareGroupHeartbeatResponseData answer = (ShareGroupHeartbeatResponseData) call(coordinator.host(),
            coordinator.port(), ApiKeys.SHARE_GROUP_HEARTBEAT, (short) 1, request);
        return Errors.forCode(answer.errorCode());
    }

    /** A session of its own each time, which ends with the connection. */
    private static Errors fetch(MetadataResponseData.MetadataResponseBroker leader, String memberId, Uuid topicId)
        throws IOException {
        ShareFetchRequestData.FetchTopic topic = new ShareFetchRequestData.FetchTopic().setTopicId(topicId);
        topic.partitions().add(new ShareFetchRequestData.FetchPartition().setPartitionIndex(0));
        ShareFetchRequestData request = new ShareFetchRequestData()
            .setGroupId(NAME).setMemberId(memberId).setShareSessionEpoch(0)
            .setMaxWaitMs(50).setMinBytes(1).setMaxBytes(1024).setMaxRecords(1).setBatchSize(1);
        request.topics().add(topic);
        ShareFetchResponseData answer =
            (ShareFetchResponseData) call(leader.host(), leader.port(), ApiKeys.SHARE_FETCH, (short) 2, request);
        if (answer.errorCode() != Errors.NONE.code()) {
            return Errors.forCode(answer.errorCode());
        }
        ShareFetchResponseData.ShareFetchableTopicResponse found = answer.responses().find(topicId);
        return found == null ? Errors.UNKNOWN_SERVER_ERROR : Errors.forCode(found.partitions().get(0).errorCode());
    }

    /** A connection for each request: none can be stuck on one that broke while the cluster was starting. */
    private static ApiMessage call(String host, int port, ApiKeys api, short version, ApiMessage request)
        throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(host, port), 2_000);
            socket.setSoTimeout(15_000);

            RequestHeaderData header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(version)
                .setCorrelationId(1).setClientId(NAME);
            ByteBuffer head = MessageUtil.toByteBufferAccessor(header, api.requestHeaderVersion(version)).buffer();
            ByteBuffer body = MessageUtil.toByteBufferAccessor(request, version).buffer();
            ByteBuffer frame = ByteBuffer.allocate(4 + head.remaining() + body.remaining());
            frame.putInt(head.remaining() + body.remaining()).put(head).put(body);
            socket.getOutputStream().write(frame.array());

            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] answer = new byte[in.readInt()];
            in.readFully(answer);
            ByteBufferAccessor readable = new ByteBufferAccessor(ByteBuffer.wrap(answer));
            new ResponseHeaderData(readable, api.responseHeaderVersion(version));
            ApiMessage response = api.messageType.newResponse();
            response.read(readable, version);
            return response;
        }
    }
}
