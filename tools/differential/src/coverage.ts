import type { ErrorLevel, Tally } from './trace.js'

const sessionFaults = [
  'epochAhead',
  'epochBehind',
  'epochZeroWithAcks',
  'neverOpened',
  'closeNeverOpened',
  'nullGroup',
  'nullMember',
  'emptyMember',
  'longMember',
]
const ackShapes = [
  'everything',
  'run',
  'slice',
  'everySecond',
  'othersOffsets',
  'finished',
  'available',
  'below',
  'beyond',
  'farBeyond',
  'reversed',
  'overlapping',
  'touching',
  'descending',
  'noTypes',
  'typesTooFew',
  'badType',
  'noBatches',
  'halfWrong',
]
const ackTypes = ['type 0', 'type 1', 'type 2', 'type 3', 'type 4', 'type -1', 'type 5', 'type 100']
const ofEither = ['version 1', 'version 2', 'renew', 'close', ...sessionFaults, ...ackShapes, ...ackTypes]

/** What a whole run has to have done at least once. */
export const requiredOperations: readonly string[] = [
  'produce',
  'produceInTransaction',
  'transaction: commit',
  'transaction: abort',
  'deleteRecords',
  'deleteTopic',
  ...ofEither.map((name) => `fetch: ${name}`),
  'fetch: reopen',
  'fetch: renewWithLimits',
  'fetch: whole batches',
  'fetch: record limit',
  'fetch: forget',
  'fetch: parked',
  'fetchUninitialised',
  'turns',
  ...ofEither.map((name) => `acknowledge: ${name}`),
  'cut',
  'expire',
  'setGroup',
  'describe',
  ...[
    'join',
    'beat',
    'previousEpoch',
    'wrongEpoch',
    'rejoin',
    'leave',
    'unknownMember',
    'unknownGroup',
    'leaveUnknownMember',
    'leaveUnknownGroup',
    'emptyMember',
    'longMember',
    'emptyGroup',
    'emptyRack',
    'joinWithoutTopics',
    'epochBelowLeave',
  ].map((name) => `heartbeat: ${name}`),
  ...[
    'alter',
    'alterNonEmpty',
    'alterUnknownTopic',
    'delete',
    'deleteNonEmpty',
    'deleteUnknownGroup',
    'deleteUnknownTopic',
    'describeUnknownGroup',
    'describeUnknownTopic',
  ].map((name) => `offsets: ${name}`),
]

/** Only where the brokers' limits are low enough to be met: see limits.ts. */
export const limitErrors: readonly string[] = [
  at('fetch, whole answer', 'SHARE_SESSION_LIMIT_REACHED'),
  at('heartbeat', 'GROUP_MAX_SIZE_REACHED'),
]

/** Every error that one broker without authorisation gives to requests of share groups. */
export const requiredErrors: readonly string[] = [
  at('fetch, whole answer', 'INVALID_REQUEST'),
  at('fetch, whole answer', 'SHARE_SESSION_NOT_FOUND'),
  at('fetch, whole answer', 'INVALID_SHARE_SESSION_EPOCH'),
  at('fetch, partition', 'UNKNOWN_TOPIC_ID'),
  at('fetch, partition', 'UNKNOWN_TOPIC_OR_PARTITION'),
  at('fetch, partition', 'UNKNOWN_SERVER_ERROR'),
  at('fetch, partition', 'OFFSET_NOT_AVAILABLE'),
  at('fetch, acknowledgement', 'UNKNOWN_TOPIC_ID'),
  at('fetch, acknowledgement', 'UNKNOWN_TOPIC_OR_PARTITION'),
  at('fetch, acknowledgement', 'INVALID_REQUEST'),
  at('fetch, acknowledgement', 'INVALID_RECORD_STATE'),
  at('acknowledge, whole answer', 'INVALID_REQUEST'),
  at('acknowledge, whole answer', 'SHARE_SESSION_NOT_FOUND'),
  at('acknowledge, whole answer', 'INVALID_SHARE_SESSION_EPOCH'),
  at('acknowledge, partition', 'UNKNOWN_TOPIC_ID'),
  at('acknowledge, partition', 'UNKNOWN_TOPIC_OR_PARTITION'),
  at('acknowledge, partition', 'INVALID_REQUEST'),
  at('acknowledge, partition', 'INVALID_RECORD_STATE'),
  at('heartbeat', 'INVALID_REQUEST'),
  at('heartbeat', 'GROUP_ID_NOT_FOUND'),
  at('heartbeat', 'UNKNOWN_MEMBER_ID'),
  at('heartbeat', 'FENCED_MEMBER_EPOCH'),
  at('offsets', 'NON_EMPTY_GROUP'),
  at('offsets', 'GROUP_ID_NOT_FOUND'),
  at('offsets', 'UNKNOWN_TOPIC_OR_PARTITION'),
]

/** What no sequence can reach, and why. */
export const outOfReach: readonly (readonly [string, string])[] = [
  ['UNSUPPORTED_VERSION', 'needs a cluster with share.version 0'],
  ['GROUP_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED', 'need a cluster with authorisation'],
  ['NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH', 'need a second broker for the leader to move to'],
  ['COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS', 'need a coordinator that fails'],
  ['KAFKA_STORAGE_ERROR, CORRUPT_MESSAGE', 'need a damaged disk'],
  ['INVALID_RECORD_STATE while a state write is in progress', 'depends on the moment, so no two plays agree on it'],
]

/** What of `required` never occurred. */
export function missing(required: readonly string[], seen: Tally): string[] {
  return required.filter((name) => (seen.get(name) ?? 0) === 0)
}

/** Two columns, most frequent names first within what begins alike. */
export function tallyTable(title: string, seen: Tally): string {
  const rows = [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const width = Math.max(...rows.map(([name]) => name.length), 0)
  return [title, ...rows.map(([name, times]) => `  ${name.padEnd(width)}  ${String(times).padStart(6)}`)].join('\n')
}

function at(level: ErrorLevel, error: string): string {
  return `${level}: ${error}`
}
