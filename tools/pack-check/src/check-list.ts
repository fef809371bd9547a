/** Carries out checks one after the other, tells each outcome, and ends with the line that counts them. */
export class CheckList {
  #passed = 0
  #failed = 0

  /** A check passes when `work` resolves; what it resolves with is shown behind its name. */
  async check(name: string, work: () => Promise<string | void>): Promise<void> {
    try {
      const remark = await work()
      this.#passed++
      console.log(`ok    ${name}${typeof remark === 'string' ? `: ${remark}` : ''}`)
    } catch (error) {
      this.#failed++
      console.log(`FAIL  ${name}\n${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Prints the closing line and makes the process fail when a check did. */
  close(): void {
    console.log(`${this.#passed} passed, ${this.#failed} failed`)
    if (this.#failed > 0) process.exitCode = 1
  }
}
