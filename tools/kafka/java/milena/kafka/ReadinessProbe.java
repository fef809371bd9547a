package milena.kafka;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.UUID;
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
 * brokers known, a topic made, the group joined, a fetch answered without error, everything removed again. Where share groups
 * are switched off (share.version=0), ready is a cluster that makes a topic and has coordinators for groups.
 *
 * <p>It speaks with Kafka's own messages and not with the library of this repository: what vouches for the broker must not
 * depend on the code under test.
 */
final class ReadinessProbe {
    private static final long PAUSE_MS = 25;

    /** Of the topic and the group: new each time, so that nothing is left to a probe by one before a restart. */
    private final String name = "milena-readiness-probe-" + UUID.randomUUID();

    private final List<Integer> ports;
    private final boolean shareGroups;
    private final int brokers;
    private final String host = "127.0.0.1";
    private final int port;

    /**
     * @param ports of the brokers that run: each must serve and know the others
     * @param shareGroups whether the cluster is to serve them
     */
    ReadinessProbe(List<Integer> ports, boolean shareGroups) {
        this.ports = ports;
        this.shareGroups = shareGroups;
        this.brokers = ports.size();
        this.port = ports.get(0);
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
        // A broker answers once the controller has let it in, so a restarted one is not taken for the one that was killed.
        for (int each : ports) {
            eventually(() -> metadata(each, List.of()).brokers().size() >= brokers ? true : null);
        }

        Uuid topicId = eventually(this::createTopic);
        MetadataResponseData.MetadataResponseBroker leader = eventually(() -> leaderOf(name));
        FindCoordinatorResponseData.Coordinator coordinator =
            eventually(() -> findCoordinator(FindCoordinatorRequest.CoordinatorType.GROUP, name));
        eventually(() -> allLed("__consumer_offsets") ? true : null);
        if (shareGroups) {
            useShareGroup(topicId, leader, coordinator);
        }
        call(host, port, ApiKeys.DELETE_TOPICS, (short) 5,
            new DeleteTopicsRequestData().setTopicNames(List.of(name)).setTimeoutMs(10_000));
    }

    private void useShareGroup(
        Uuid topicId,
        MetadataResponseData.MetadataResponseBroker leader,
        FindCoordinatorResponseData.Coordinator coordinator
    ) throws InterruptedException, IOException {
        // Asking creates the state topic. With it there before the join, the join's initialisation needs no retry (2 s).
        eventually(() -> findCoordinator(FindCoordinatorRequest.CoordinatorType.SHARE, name + ":" + topicId + ":0"));
        eventually(() -> allLed("__share_group_state") ? true : null);
        String memberId = Uuid.randomUuid().toString();
        // Heartbeats go on: an initialisation that failed is tried again only inside one.
        eventually(() -> heartbeat(coordinator, memberId, 0) == Errors.NONE
            && fetch(leader, memberId, topicId) == Errors.NONE ? true : null);
        heartbeat(coordinator, memberId, -1);
        call(coordinator.host(), coordinator.port(), ApiKeys.DELETE_GROUPS, (short) 2,
            new DeleteGroupsRequestData().setGroupsNames(List.of(name)));
    }

    private MetadataResponseData metadata(List<String> topics) throws IOException {
        return metadata(port, topics);
    }

    private MetadataResponseData metadata(int from, List<String> topics) throws IOException {
        MetadataRequestData request = new MetadataRequestData().setAllowAutoTopicCreation(false);
        topics.forEach(topic -> request.topics().add(new MetadataRequestData.MetadataRequestTopic().setName(topic)));
        return (MetadataResponseData) call(host, from, ApiKeys.METADATA, (short) 12, request);
    }

    private Uuid createTopic() throws IOException {
        CreateTopicsRequestData.CreatableTopic topic = new CreateTopicsRequestData.CreatableTopic()
            .setName(name).setNumPartitions(1).setReplicationFactor((short) 1);
        CreateTopicsRequestData request = new CreateTopicsRequestData().setTimeoutMs(10_000);
        request.topics().add(topic);
        CreateTopicsResponseData answer =
            (CreateTopicsResponseData) call(host, port, ApiKeys.CREATE_TOPICS, (short) 7, request);
        CreateTopicsResponseData.CreatableTopicResult result = answer.topics().find(name);
        if (result.errorCode() == Errors.NONE.code()) {
            return result.topicId();
        }
        // An attempt whose answer was lost may have made it.
        MetadataResponseData.MetadataResponseTopic present = metadata(List.of(name)).topics().find(name);
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

    private Errors heartbeat(FindCoordinatorResponseData.Coordinator coordinator, String memberId, int epoch)
        throws IOException {
        ShareGroupHeartbeatRequestData request = new ShareGroupHeartbeatRequestData()
            .setGroupId(name).setMemberId(memberId).setMemberEpoch(epoch)
            .setSubscribedTopicNames(epoch == 0 ? List.of(name) : null);
        ShareGroupHeartbeatResponseData answer = (ShareGroupHeartbeatResponseData) call(coordinator.host(),
            coordinator.port(), ApiKeys.SHARE_GROUP_HEARTBEAT, (short) 1, request);
        return Errors.forCode(answer.errorCode());
    }

    /** A session of its own each time, which ends with the connection. */
    private Errors fetch(MetadataResponseData.MetadataResponseBroker leader, String memberId, Uuid topicId)
        throws IOException {
        ShareFetchRequestData.FetchTopic topic = new ShareFetchRequestData.FetchTopic().setTopicId(topicId);
        topic.partitions().add(new ShareFetchRequestData.FetchPartition().setPartitionIndex(0));
        ShareFetchRequestData request = new ShareFetchRequestData()
            .setGroupId(name).setMemberId(memberId).setShareSessionEpoch(0)
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
                .setCorrelationId(1).setClientId("milena-readiness-probe");
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
