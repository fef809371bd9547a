import { createRequire } from 'node:module'

/** A package that may be missing, or present without a binary for this machine. */
type OptionalPackage<T> = { readonly ok: true; readonly exports: T } | { readonly ok: false; readonly reason: string }

/** Loads a package by name and reports why it does not load instead of throwing. Tests hand in their own. */
export type PackageLoader = <T>(name: string) => OptionalPackage<T>

const load = createRequire(import.meta.url)

/**
 * Loads an optional dependency at the moment it is needed. Whatever goes wrong (not installed, its native part not built, built
 * for another system) is an answer, not an exception: the caller falls back or says which package to install.
 */
export const loadOptionalPackage: PackageLoader = <T>(name: string): OptionalPackage<T> => {
  try {
    return { ok: true, exports: load(name) as T }
  } catch (cause) {
    return { ok: false, reason: firstLine(cause) }
  }
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.split('\n', 1)[0] ?? text
}
