import type { Admin } from '@milena/client'
import { pause } from '@milena/client/internal'
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import type { Clock, Logger } from '@milena/protocol/runtime'
import type { ResolvedGroupConfigs } from './group-configs.js'
import type { ShareConsumerFactory } from './share-consumer-factory.js'

/** What a container wants of its group, and with what it is applied. */
export interface GroupSettingsOptions {
  readonly containerId: string
  readonly groupId: string | undefined
  readonly configs: ResolvedGroupConfigs
  /** The container's own consumer settings, which may name another cluster. */
  readonly properties: Readonly<Record<string, unknown>>
  readonly consumerFactory: Pick<ShareConsumerFactory<never, never>, 'createAdmin'>
  readonly logger: Logger
  readonly clock: Clock
}

/** Brokers learn of a change a moment after it was made; a member that joins before that would still have the old settings. */
const SHOWN_EVERY_MS = 20
const SHOWN_WITHIN_MS = 1000

/** By consumer factory: its containers speak to one cluster, unless they name another, and there a group's name means one group. */
const wishes = new WeakMap<object, Set<GroupSettingsOptions>>()

/** The settings of the share group that one run of a container applies before its members join. */
export class GroupSettings {
  readonly #options: GroupSettingsOptions
  readonly #where: string

  constructor(options: GroupSettingsOptions) {
    this.#options = options
    this.#where = `Container '${options.containerId}'`
  }

  /**
   * Sets what is not yet as it should be (IncrementalAlterConfigs, operation SET), and logs each change. Ends when the signal
   * fires.
   * @throws KafkaUsageError where a running container wants something else of the same group: the last one would win, in silence
   * @throws KafkaError that names the container, the group and what the broker said, with the broker's code
   */
  async apply(signal: AbortSignal): Promise<void> {
    const { groupId, configs, consumerFactory } = this.#options
    if (groupId === undefined) {
      throw new KafkaUsageError(
        `${this.#where} has groupConfigs and no groupId: set it, so that there is a group to hold for.`,
      )
    }
    if (consumerFactory.createAdmin === undefined) {
      throw new KafkaUsageError(
        `${this.#where} has groupConfigs, and its consumer factory has no createAdmin() to set them with. Add that, or set them ` +
          'elsewhere: admin.alterGroupConfigs(groupId, { … }).',
      )
    }
    this.#claim(groupId)
    const admin = consumerFactory.createAdmin({ properties: this.#options.properties })
    // What waits for the brokers ends with it.
    const giveUp = (): void => void admin.close()
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      await this.#setWhatDiffers(admin, groupId, signal)
    } catch (cause) {
      const told = `${this.#where} could not apply the settings of group '${groupId}' (${Object.keys(configs).join(', ')})`
      if (!KafkaError.is(cause)) throw new KafkaError(`${told}: ${String(cause)}`, { cause })
      throw new KafkaError(`${told}: ${cause.message}`, { code: cause.code, retriable: cause.retriable, cause })
    } finally {
      signal.removeEventListener('abort', giveUp)
      await admin.close()
    }
  }

  /** The run is over: other containers may want something else. The settings stay as they are. */
  release(): void {
    wishes.get(this.#options.consumerFactory)?.delete(this.#options)
  }

  #claim(groupId: string): void {
    const { consumerFactory, configs } = this.#options
    const cluster = clusterOf(this.#options)
    const all = wishes.get(consumerFactory) ?? new Set()
    wishes.set(consumerFactory, all)
    for (const other of all) {
      if (other.groupId !== groupId || clusterOf(other) !== cluster) continue
      for (const [name, value] of Object.entries(configs)) {
        const theirs = other.configs[name]
        if (theirs === undefined || theirs === value) continue
        throw new KafkaUsageError(
          `${this.#where} wants ${name}=${value} for group '${groupId}', and container '${other.containerId}', which runs in the ` +
            `same group, wants ${name}=${theirs}. The setting is the group's: say the same in both, or use two groups.`,
        )
      }
    }
    all.add(this.#options)
  }

  async #setWhatDiffers(admin: Admin, groupId: string, signal: AbortSignal): Promise<void> {
    const { configs, logger, clock } = this.#options
    const keys = Object.keys(configs)
    const valuesNow = async (): Promise<(name: string) => string | null> => {
      const [described] = await admin.describeConfigs([{ type: 'group', name: groupId, keys }])
      return (name) => described?.entries.get(name)?.value ?? null
    }
    const before = await valuesNow()
    // A name that the broker does not know has no value, and is refused by it in words of its own.
    const changed = keys.filter((name) => before(name) !== configs[name])
    if (changed.length === 0) return
    await admin.alterGroupConfigs(groupId, Object.fromEntries(changed.map((name) => [name, configs[name] ?? null])))
    for (const name of changed) {
      logger.info(
        { groupId, setting: name, from: before(name), to: configs[name] },
        `Group '${groupId}': ${name}: ${before(name) ?? 'unset'} -> ${configs[name]}`,
      )
    }
    for (let waitedMs = 0; waitedMs < SHOWN_WITHIN_MS; waitedMs += SHOWN_EVERY_MS) {
      const now = await valuesNow()
      if (changed.every((name) => now(name) === configs[name])) return
      await pause(clock, SHOWN_EVERY_MS, signal)
    }
  }
}

/** The brokers that a container names itself; '' where those of the consumer factory are meant. */
function clusterOf({ properties }: GroupSettingsOptions): string {
  return JSON.stringify(properties['bootstrap.servers'] ?? '')
}
