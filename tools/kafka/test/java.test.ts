import { afterEach, describe, expect, it, vi } from 'vitest'
import { findJava, javaVersion } from '../src/java.js'
import { KafkaUnavailableError } from '../src/unavailable-error.js'

afterEach(() => vi.unstubAllEnvs())

describe('The version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['openjdk version "21" 2023-09-19', 21],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "26-ea" 2026-03-17', 26],
    ['something else', undefined],
  ])('is read from %s', (output, version) => {
    expect(javaVersion(output)).toBe(version)
  })
})

describe('Looking for Java', () => {
  it('fails with the package to install when none is on the PATH', async () => {
    vi.stubEnv('JAVA_HOME', '')
    vi.stubEnv('PATH', '/nonexistent')
    const error = await findJava().catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(KafkaUnavailableError)
    expect(String(error)).toMatch(/no java is on the PATH.*Install a JDK 17/)
  })

  it('names JAVA_HOME when that leads nowhere', async () => {
    vi.stubEnv('JAVA_HOME', '/nonexistent')
    await expect(findJava()).rejects.toThrow('JAVA_HOME has no working /nonexistent/bin/java')
  })
})
