import { ErrorCode } from '@milena/protocol'
import type { Surroundings } from './surroundings.js'
import type { KafkaVersion } from './version-profile.js'

/** A feature and the levels that the brokers know. */
export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

/** A feature at the level that the cluster has agreed on. */
export interface FinalizedFeature {
  readonly name: string
  readonly level: number
}

/** How a change of level is meant (KIP-778): only a downgrade may lower it. */
export const FeatureUpgradeType = { upgrade: 1, safeDowngrade: 2, unsafeDowngrade: 3 } as const

export interface FeatureUpdate {
  readonly name: string
  readonly level: number
  /** One of FeatureUpgradeType; others are refused. */
  readonly upgradeType: number
}

export interface FeatureFailure {
  readonly errorCode: number
  readonly errorMessage: string
}

const METADATA = 'metadata.version'
const SHARE = 'share.version'

/** The highest level of each feature but share.version, in each release: read from the brokers' own jars. */
const highest: Readonly<Record<string, Readonly<Record<KafkaVersion, number>>>> = {
  'group.version': { '4.1': 1, '4.2': 1, '4.3': 1, '4.4': 1 },
  'kraft.version': { '4.1': 1, '4.2': 1, '4.3': 1, '4.4': 1 },
  [METADATA]: { '4.1': 27, '4.2': 29, '4.3': 30, '4.4': 33 },
  'streams.version': { '4.1': 0, '4.2': 1, '4.3': 1, '4.4': 1 },
  'transaction.version': { '4.1': 2, '4.2': 2, '4.3': 2, '4.4': 2 },
  'eligible.leader.replicas.version': { '4.1': 1, '4.2': 1, '4.3': 1, '4.4': 1 },
}

/** Kafka 3.3, below which no broker of version 4 goes. */
const LOWEST_METADATA_LEVEL = 7

/** It belongs to the controllers' own log and is not among what brokers tell. */
const NOT_TOLD = 'kraft.version'

/**
 * The cluster's features and their levels. `share.version` is the one that counts: at 0 share groups are off, at 1 on, at 2
 * with dead-letter queues. A cluster begins with everything at its highest, as a freshly formatted one does; a fresh Kafka
 * 4.1 has share.version at 0, the embedded one at 1.
 */
export class Features {
  readonly supported: readonly SupportedFeature[]
  readonly #surroundings: Surroundings
  readonly #levels = new Map<string, number>()
  #epoch = 1

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
    const { version, maxShareVersion } = surroundings.profile
    const known = Object.entries(highest).map(([name, levels]) => ({
      name,
      minVersion: name === METADATA ? LOWEST_METADATA_LEVEL : 0,
      maxVersion: levels[version],
    }))
    this.supported = [...known, { name: SHARE, minVersion: 0, maxVersion: maxShareVersion }].filter(
      ({ maxVersion }) => maxVersion > 0,
    )
    for (const { name, maxVersion } of this.supported) this.#levels.set(name, maxVersion)
  }

  /** Grows with every change. */
  get epoch(): number {
    return this.#epoch
  }

  /** The level the cluster is at; 0 for a feature that is off or unknown. */
  level(name: string): number {
    return this.#levels.get(name) ?? 0
  }

  /** 0: share groups are off. 1: on. 2: dead-letter queues as well. */
  get shareVersion(): number {
    return this.level(SHARE)
  }

  /** What is on, as ApiVersions tells it. */
  get finalized(): readonly FinalizedFeature[] {
    return [...this.#levels]
      .filter(([name, level]) => level > 0 && name !== NOT_TOLD)
      .map(([name, level]) => ({ name, level }))
  }

  /** Changes all of these or none. @returns why not */
  update(updates: readonly FeatureUpdate[], options: { readonly validateOnly: boolean }): FeatureFailure | undefined {
    for (const update of updates) {
      const why = this.#refusal(update)
      if (why !== undefined) return { errorCode: ErrorCode.INVALID_UPDATE_VERSION, errorMessage: why }
    }
    if (options.validateOnly || updates.length === 0) return undefined
    for (const { name, level } of updates) {
      this.#surroundings.logger.info({ feature: name, level }, `Feature ${name} is at level ${level} now.`)
      this.#levels.set(name, level)
    }
    this.#epoch++
    this.#surroundings.changed()
    return undefined
  }

  #refusal(update: FeatureUpdate): string | undefined {
    const { name, level } = update
    const why = this.#wrongLevel(update)
    if (why !== undefined) return `Invalid update version ${level} for feature ${name}. ${why}`
    // The broker plays one release: an older one is another broker.
    if (name !== METADATA || level >= this.level(name)) return undefined
    return `Unsupported metadata.version downgrade from ${this.level(name)} to ${level}. Refusing to perform the requested downgrade because it might delete metadata information.`
  }

  #wrongLevel({ name, level, upgradeType }: FeatureUpdate): string | undefined {
    const { upgrade, safeDowngrade, unsafeDowngrade } = FeatureUpgradeType
    if (upgradeType !== upgrade && upgradeType !== safeDowngrade && upgradeType !== unsafeDowngrade) {
      return 'The controller does not support the given upgrade type.'
    }
    if (level < 0) return 'A feature version cannot be less than 0.'
    const supported = this.supported.find((feature) => feature.name === name)
    if (supported === undefined) {
      return level === 0 ? `Feature ${name} not found.` : 'Local controller 1 does not support this feature.'
    }
    const { minVersion, maxVersion } = supported
    if (level < minVersion || level > maxVersion) {
      return `Local controller 1 only supports versions ${minVersion}-${maxVersion}`
    }
    if (level < this.level(name) && upgradeType === upgrade) {
      return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
    }
    return undefined
  }
}
