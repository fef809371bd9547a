import { isSince, type KafkaVersion } from '../version-profile.js'
import type { ConfigDefinition } from './config-definition.js'

/** The configurations that a release knows, by name, in alphabetical order. */
export function configTable(
  definitions: readonly ConfigDefinition[],
  version: KafkaVersion,
): ReadonlyMap<string, ConfigDefinition> {
  return new Map(
    definitions
      .filter(({ since }) => since === undefined || isSince(version, since))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((definition) => [definition.name, definition]),
  )
}
