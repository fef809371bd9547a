import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageFolder } from '../src/kafka-jars.js'
import { defaultKafkaVersion, isSince, kafkaVersionOf, kafkaVersions } from '../src/kafka-version.js'

describe('The release of Kafka', () => {
  it('is the one of the pom where nobody names another', () => {
    const pom = readFileSync(join(packageFolder, 'pom.xml'), 'utf8')
    expect(pom).toContain(`<kafka.version>${defaultKafkaVersion}</kafka.version>`)
    expect(kafkaVersionOf(undefined)).toBe(defaultKafkaVersion)
    expect(kafkaVersionOf(' ')).toBe(defaultKafkaVersion)
  })

  it('is the one that is named', () => {
    expect(kafkaVersions.map((version) => kafkaVersionOf(version))).toEqual([...kafkaVersions])
  })

  it('is refused where Milena is not tested on it', () => {
    expect(() => kafkaVersionOf('3.9.0')).toThrow('Give one of 4.2.1, 4.3.1, 4.4.0.')
  })

  it('is compared by its minor release', () => {
    expect(kafkaVersions.map((version) => isSince(version, '4.3'))).toEqual([false, true, true])
  })
})
