import type { ShareEngine } from '@milena/client/internal'

/** What a container uses of the client's share engine. */
export type ContainerEngine<K, V> = Pick<
  ShareEngine<K, V>,
  | 'wishes'
  | 'take'
  | 'settle'
  | 'verdictOf'
  | 'acquisitionLockTimeoutMs'
  | 'holds'
  | 'giveUp'
  | 'outstanding'
  | 'keepLocks'
  | 'onLost'
  | 'onStood'
  | 'onFailure'
  | 'bufferedRecords'
  | 'endFetching'
  | 'pause'
  | 'resume'
  | 'releaseRest'
  | 'whenSettled'
  | 'isMember'
  | 'whenJoined'
  | 'onVerdict'
  | 'counters'
>
