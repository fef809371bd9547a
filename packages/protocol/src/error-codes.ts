interface ErrorEntry<Code extends number> {
  readonly code: Code
  readonly retriable: boolean
  readonly text: string
}

function final<Code extends number>(code: Code, text: string): ErrorEntry<Code> {
  return { code, retriable: false, text }
}

/** Java's client counts these among RetriableException: the same request may succeed later, perhaps at another broker. */
function retriable<Code extends number>(code: Code, text: string): ErrorEntry<Code> {
  return { code, retriable: true, text }
}

// All of Apache Kafka 4.4. Names, codes and the retriable mark are Kafka's (a test compares them); the sentences are ours.
const table = {
  UNKNOWN_SERVER_ERROR: final(-1, 'The broker failed in a way it has no code for; its log says more.'),
  NONE: final(0, 'No error.'),
  OFFSET_OUT_OF_RANGE: final(1, 'The offset lies outside of what the partition still holds.'),
  CORRUPT_MESSAGE: retriable(
    2,
    'The record batch is damaged, too large, or has no key although the topic is compacted.',
  ),
  UNKNOWN_TOPIC_OR_PARTITION: retriable(
    3,
    'This broker does not know the topic or partition. Create the topic, or check its name.',
  ),
  INVALID_FETCH_SIZE: final(4, 'The requested fetch size is not allowed.'),
  LEADER_NOT_AVAILABLE: retriable(5, 'The partition has no leader at the moment; one is being elected.'),
  NOT_LEADER_OR_FOLLOWER: retriable(6, 'The broker asked does not lead this partition, or holds no replica of it.'),
  REQUEST_TIMED_OUT: retriable(7, 'The request took longer than its time limit.'),
  BROKER_NOT_AVAILABLE: final(8, 'The broker cannot be reached by the others.'),
  REPLICA_NOT_AVAILABLE: retriable(9, 'The broker holds no usable replica of this partition right now.'),
  MESSAGE_TOO_LARGE: final(
    10,
    'A record batch is larger than the topic takes. Send less, or raise max.message.bytes of the topic.',
  ),
  STALE_CONTROLLER_EPOCH: final(11, 'The controller has moved to another broker.'),
  OFFSET_METADATA_TOO_LARGE: final(12, 'The text committed with the offset is too long.'),
  NETWORK_EXCEPTION: retriable(13, 'The connection ended before an answer came.'),
  COORDINATOR_LOAD_IN_PROGRESS: retriable(14, 'The coordinator is still loading its state.'),
  COORDINATOR_NOT_AVAILABLE: retriable(15, 'There is no coordinator at the moment.'),
  NOT_COORDINATOR: retriable(16, 'The broker asked is not the coordinator of this group or transactional id.'),
  INVALID_TOPIC_EXCEPTION: final(
    17,
    "The topic name is not legal: 1 to 249 letters, digits, '.', '_' and '-', or the topic is internal.",
  ),
  RECORD_LIST_TOO_LARGE: final(18, 'The record batch is larger than a log segment of the topic.'),
  NOT_ENOUGH_REPLICAS: retriable(19, 'Too few replicas are in sync to take records (min.insync.replicas).'),
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: retriable(20, 'The records were written, but to too few replicas in sync.'),
  INVALID_REQUIRED_ACKS: final(21, 'acks must be -1 (all), 0 or 1.'),
  ILLEGAL_GENERATION: final(22, 'The group has moved on to another generation.'),
  INCONSISTENT_GROUP_PROTOCOL: final(23, "The member's protocols do not fit those of the group."),
  INVALID_GROUP_ID: final(
    24,
    'The group id is not legal, or belongs to a group of another kind. Choose another group id.',
  ),
  UNKNOWN_MEMBER_ID: final(25, 'The coordinator does not know this member; it has to join again.'),
  INVALID_SESSION_TIMEOUT: final(26, 'The session timeout lies outside of what the broker allows.'),
  REBALANCE_IN_PROGRESS: final(27, 'The group is being rebalanced; the member has to join again.'),
  INVALID_COMMIT_OFFSET_SIZE: final(28, 'The committed offsets take too many bytes.'),
  TOPIC_AUTHORIZATION_FAILED: final(29, 'Access to the topic is denied. Grant this principal the ACL on the topic.'),
  GROUP_AUTHORIZATION_FAILED: final(30, 'Access to the group is denied. Grant this principal the ACL on the group.'),
  CLUSTER_AUTHORIZATION_FAILED: final(
    31,
    'The cluster-wide operation is denied. Grant this principal the ACL on the cluster.',
  ),
  INVALID_TIMESTAMP: final(32, "The record's timestamp lies outside of what the topic accepts."),
  UNSUPPORTED_SASL_MECHANISM: final(33, 'The broker does not offer this SASL mechanism.'),
  ILLEGAL_SASL_STATE: final(34, 'The request does not fit the state of the SASL exchange.'),
  UNSUPPORTED_VERSION: final(
    35,
    'The broker does not serve this version of the API, or the feature is switched off there.',
  ),
  TOPIC_ALREADY_EXISTS: final(36, 'There is a topic of this name already.'),
  INVALID_PARTITIONS: final(37, 'The number of partitions is not allowed.'),
  INVALID_REPLICATION_FACTOR: final(
    38,
    'The replication factor is below 1 or above the number of brokers that are up.',
  ),
  INVALID_REPLICA_ASSIGNMENT: final(39, 'The assignment of replicas is not allowed.'),
  INVALID_CONFIG: final(40, 'A configuration entry has an unknown name or a value that is not allowed.'),
  NOT_CONTROLLER: retriable(41, 'The broker asked is not the controller of the cluster.'),
  INVALID_REQUEST: final(42, "The broker finds the request contradictory; the broker's log says what it did not like."),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: final(43, 'The stored record format does not allow this.'),
  POLICY_VIOLATION: final(44, 'A policy of the cluster forbids it.'),
  OUT_OF_ORDER_SEQUENCE_NUMBER: final(
    45,
    "The producer's sequence number does not follow the last one; a batch before it is missing.",
  ),
  DUPLICATE_SEQUENCE_NUMBER: final(46, 'A batch with this sequence number was written already.'),
  INVALID_PRODUCER_EPOCH: final(47, 'The producer writes with an epoch that is over.'),
  INVALID_TXN_STATE: final(48, 'The transaction is in a state that does not allow this.'),
  INVALID_PRODUCER_ID_MAPPING: final(49, 'The producer id does not belong to the transactional id.'),
  INVALID_TRANSACTION_TIMEOUT: final(
    50,
    'The transaction timeout is longer than the broker allows (transaction.max.timeout.ms).',
  ),
  CONCURRENT_TRANSACTIONS: retriable(51, 'Another operation on the same transaction is still running.'),
  TRANSACTION_COORDINATOR_FENCED: final(52, 'The transaction coordinator has been replaced.'),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: final(
    53,
    'Access to the transactional id is denied. Grant this principal the ACL on it.',
  ),
  SECURITY_DISABLED: final(54, 'The cluster runs without an authorizer, so there are no ACLs to work on.'),
  OPERATION_NOT_ATTEMPTED: final(55, 'The broker did not try this part of the request because another part failed.'),
  KAFKA_STORAGE_ERROR: retriable(56, "The broker cannot read or write the partition's log on its disk."),
  LOG_DIR_NOT_FOUND: final(57, 'The broker has no such log directory.'),
  SASL_AUTHENTICATION_FAILED: final(58, 'The broker refused the credentials.'),
  UNKNOWN_PRODUCER_ID: final(
    59,
    'The broker has forgotten this producer, for instance because all its records expired.',
  ),
  REASSIGNMENT_IN_PROGRESS: final(60, 'Replicas of the partition are being moved.'),
  DELEGATION_TOKEN_AUTH_DISABLED: final(61, 'Delegation tokens are switched off in this cluster.'),
  DELEGATION_TOKEN_NOT_FOUND: final(62, 'There is no such delegation token.'),
  DELEGATION_TOKEN_OWNER_MISMATCH: final(63, 'The principal neither owns nor may renew the delegation token.'),
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: final(
    64,
    'Delegation tokens cannot be managed over a connection authenticated this way.',
  ),
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: final(65, 'Access to the delegation token is denied.'),
  DELEGATION_TOKEN_EXPIRED: final(66, 'The delegation token has expired.'),
  INVALID_PRINCIPAL_TYPE: final(67, 'Principals of this type are not supported.'),
  NON_EMPTY_GROUP: final(68, 'The group still has members; stop them first.'),
  GROUP_ID_NOT_FOUND: final(69, 'There is no group of this id.'),
  FETCH_SESSION_ID_NOT_FOUND: retriable(70, 'The broker does not know the fetch session any more.'),
  INVALID_FETCH_SESSION_EPOCH: retriable(71, 'The fetch session is at another epoch.'),
  LISTENER_NOT_FOUND: retriable(72, "The partition's leader has no listener of the name this client came in by."),
  TOPIC_DELETION_DISABLED: final(73, 'The cluster does not allow topics to be deleted (delete.topic.enable).'),
  FENCED_LEADER_EPOCH: retriable(74, 'The leader epoch in the request is over; metadata must be read again.'),
  UNKNOWN_LEADER_EPOCH: retriable(75, 'The leader epoch in the request is ahead of what the broker knows.'),
  UNSUPPORTED_COMPRESSION_TYPE: final(
    76,
    'The version of the request is too old for the compression of the partition.',
  ),
  STALE_BROKER_EPOCH: final(77, 'The broker has restarted since.'),
  OFFSET_NOT_AVAILABLE: retriable(78, 'The new leader cannot vouch for its offsets yet.'),
  MEMBER_ID_REQUIRED: final(79, 'The member has to join again with the id it was given.'),
  PREFERRED_LEADER_NOT_AVAILABLE: retriable(80, 'The preferred leader is down.'),
  GROUP_MAX_SIZE_REACHED: final(81, 'The group has as many members as the broker allows (group.share.max.size).'),
  FENCED_INSTANCE_ID: final(82, 'Another member has taken over this group.instance.id.'),
  ELIGIBLE_LEADERS_NOT_AVAILABLE: retriable(83, 'No replica that could become the leader is up.'),
  ELECTION_NOT_NEEDED: retriable(84, 'The partition has the leader it should have.'),
  NO_REASSIGNMENT_IN_PROGRESS: final(85, 'Replicas of the partition are not being moved.'),
  GROUP_SUBSCRIBED_TO_TOPIC: final(
    86,
    'The group reads this topic at the moment, so its offsets stay; stop its members first.',
  ),
  INVALID_RECORD: final(87, 'The broker refused a record after looking at it.'),
  UNSTABLE_OFFSET_COMMIT: retriable(88, 'Offsets of a transaction that is still open stand in the way.'),
  THROTTLING_QUOTA_EXCEEDED: retriable(89, 'The quota of such changes is used up for now.'),
  PRODUCER_FENCED: final(90, 'A newer producer has taken over the transactional id.'),
  RESOURCE_NOT_FOUND: final(91, 'The request speaks of something that does not exist.'),
  DUPLICATE_RESOURCE: final(92, 'The request names the same thing twice.'),
  UNACCEPTABLE_CREDENTIAL: final(93, 'The new credential is weaker than the cluster accepts.'),
  INCONSISTENT_VOTER_SET: final(94, 'Sender or receiver is not among the voters it is expected to be.'),
  INVALID_UPDATE_VERSION: final(95, 'The version given for the update is not valid.'),
  FEATURE_UPDATE_FAILED: final(96, 'The cluster could not change its finalised features.'),
  PRINCIPAL_DESERIALIZATION_FAILURE: final(
    97,
    'A forwarded principal could not be read; the brokers are configured differently.',
  ),
  SNAPSHOT_NOT_FOUND: final(98, 'There is no such snapshot.'),
  POSITION_OUT_OF_RANGE: final(99, 'The position lies outside of the snapshot.'),
  UNKNOWN_TOPIC_ID: retriable(100, 'This broker does not know the topic id; the topic may be new, or deleted.'),
  DUPLICATE_BROKER_REGISTRATION: final(101, 'Another broker uses this id.'),
  BROKER_ID_NOT_REGISTERED: final(102, 'No broker of this id is registered.'),
  INCONSISTENT_TOPIC_ID: retriable(103, 'The topic was deleted and made anew: its id is another one now.'),
  INCONSISTENT_CLUSTER_ID: final(104, 'The request was meant for another cluster.'),
  TRANSACTIONAL_ID_NOT_FOUND: final(105, 'There is no such transactional id.'),
  FETCH_SESSION_TOPIC_ID_ERROR: retriable(106, 'The fetch session mixes topic ids with names.'),
  INELIGIBLE_REPLICA: final(107, 'A replica that must not be in sync was named as such.'),
  NEW_LEADER_ELECTED: final(108, 'The change was made, and gave the partition another leader.'),
  OFFSET_MOVED_TO_TIERED_STORAGE: final(109, 'The offset lies in tiered storage by now.'),
  FENCED_MEMBER_EPOCH: final(
    110,
    'The coordinator has gone past this member epoch; the member gives up its partitions and joins again.',
  ),
  UNRELEASED_INSTANCE_ID: final(111, 'Another member still holds this instance id; it has to leave first.'),
  UNSUPPORTED_ASSIGNOR: final(112, 'The group does not support this assignor.'),
  STALE_MEMBER_EPOCH: final(113, 'The member epoch is old; the next heartbeat brings the new one.'),
  MISMATCHED_ENDPOINT_TYPE: final(114, 'The request went to a controller instead of a broker, or the reverse.'),
  UNSUPPORTED_ENDPOINT_TYPE: final(115, 'The cluster does not support this type of endpoint yet.'),
  UNKNOWN_CONTROLLER_ID: final(116, 'There is no controller of this id.'),
  UNKNOWN_SUBSCRIPTION_ID: final(117, 'The subscription id of pushed telemetry is wrong or old.'),
  TELEMETRY_TOO_LARGE: final(118, 'The pushed telemetry is larger than the broker takes.'),
  INVALID_REGISTRATION: final(119, 'The controller refused the registration.'),
  TRANSACTION_ABORTABLE: final(120, 'The transaction failed; abort it to go on with this transactional id.'),
  INVALID_RECORD_STATE: final(
    121,
    'The record is not acquired by this member any more: its lock ran out, or it was answered before.',
  ),
  SHARE_SESSION_NOT_FOUND: retriable(
    122,
    'The broker does not know the share session any more; a new one has to be opened.',
  ),
  INVALID_SHARE_SESSION_EPOCH: retriable(123, 'The share session is at another epoch; a new one has to be opened.'),
  FENCED_STATE_EPOCH: final(124, 'The share coordinator has gone past this state epoch.'),
  INVALID_VOTER_KEY: final(125, 'The key of the voter is not that of the replica asked.'),
  DUPLICATE_VOTER: final(126, 'The replica is a voter already.'),
  VOTER_NOT_FOUND: final(127, 'The replica is not a voter.'),
  INVALID_REGULAR_EXPRESSION: final(128, 'The broker cannot read the regular expression.'),
  REBOOTSTRAP_REQUIRED: final(
    129,
    "The client's idea of the cluster is out of date; it has to start again from the bootstrap servers.",
  ),
  STREAMS_INVALID_TOPOLOGY: final(130, 'The topology is not valid.'),
  STREAMS_INVALID_TOPOLOGY_EPOCH: final(131, 'The topology epoch is not valid.'),
  STREAMS_TOPOLOGY_FENCED: final(132, 'The topology epoch is over.'),
  SHARE_SESSION_LIMIT_REACHED: retriable(
    133,
    'The broker holds as many share sessions as it allows (group.share.max.share.sessions).',
  ),
  GROUP_DELETION_FAILED: final(134, 'The group could not be deleted; its own error message says why.'),
  STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED: final(135, 'The broker could not take the description of the topology.'),
  CONTROLLER_ID_NOT_REGISTERED: final(136, 'No controller of this id is registered.'),
} as const satisfies Record<string, ErrorEntry<number>>

/** Kafka's name of an error code. */
export type ErrorName = keyof typeof table

/** Every error code of Apache Kafka 4.4 by its name: `ErrorCode.INVALID_RECORD_STATE === 121`. */
export const ErrorCode = Object.fromEntries(Object.entries(table).map(([name, entry]) => [name, entry.code])) as {
  readonly [Name in ErrorName]: (typeof table)[Name]['code']
}

/** One of the codes that this version knows. A newer broker may answer with others: treat those like a final error. */
export type ErrorCode = (typeof ErrorCode)[ErrorName]

const byCode: ReadonlyMap<number, ErrorEntry<number> & { readonly name: string }> = new Map(
  Object.entries(table).map(([name, entry]) => [entry.code, { ...entry, name }]),
)

/** Kafka's name of a code; `ERROR_<code>` for one that this version does not know. */
export function errorName(code: number): string {
  return byCode.get(code)?.name ?? `ERROR_${code}`
}

/** Whether the same request may succeed when it is sent again later; false for a code that this version does not know. */
export function isRetriable(code: number): boolean {
  return byCode.get(code)?.retriable ?? false
}

/** What a code means, as a sentence. */
export function errorMessageOf(code: number): string {
  return byCode.get(code)?.text ?? `The broker answered with error code ${code}, which this version does not know.`
}
