import { KafkaUsageError } from '@milena/protocol'
import { GROUP_CONFIGS } from '../config/foreign-options.js'
import type { ConfigResourceType } from './config-resource.js'

/** Kafka's dotted name of a configuration entry that may be written in camelCase. The brokers know which of them there are. */
export function configNameOf(type: ConfigResourceType, name: string): string {
  const dotted = name.includes('.') ? name : name.replaceAll(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`)
  const shared = `share.${dotted}`
  if (type === 'group' && !GROUP_CONFIGS.includes(dotted) && GROUP_CONFIGS.includes(shared)) {
    throw new KafkaUsageError(`'${name}' is no configuration of a group; did you mean '${shared}'?`)
  }
  return dotted
}

/** Configuration entries under Kafka's names. Throws KafkaUsageError for an entry that is given in both spellings. */
export function configsOf<T>(
  type: ConfigResourceType,
  configs: Readonly<Record<string, T>>,
): [name: string, value: T][] {
  const entries = new Map<string, T>()
  for (const [given, value] of Object.entries(configs)) {
    const name = configNameOf(type, given)
    if (entries.has(name))
      throw new KafkaUsageError(`'${name}' is given twice, the second time as '${given}'. Give it once.`)
    entries.set(name, value)
  }
  return [...entries]
}
