/** What the bench tells a subject: bootstrap servers, topic, group, records, records a fetch (or `default`), mode. */
export interface SubjectArguments {
  readonly bootstrapServers: string
  readonly topic: string
  readonly groupId: string
  readonly records: number
  /** Undefined: the subject's own default. */
  readonly fetchRecords: number | undefined
  readonly mode: 'implicit' | 'explicit'
}

export function readSubjectArguments(words: readonly string[] = process.argv.slice(2)): SubjectArguments {
  const [bootstrapServers, topic, groupId, records, fetchRecords, mode] = words
  if (bootstrapServers === undefined || topic === undefined || groupId === undefined || records === undefined) {
    throw new Error(
      'A subject is started by the bench: bootstrap servers, topic, group, records, records a fetch, mode.',
    )
  }
  return {
    bootstrapServers,
    topic,
    groupId,
    records: Number(records),
    fetchRecords: fetchRecords === undefined || fetchRecords === 'default' ? undefined : Number(fetchRecords),
    mode: mode === 'explicit' ? 'explicit' : 'implicit',
  }
}
