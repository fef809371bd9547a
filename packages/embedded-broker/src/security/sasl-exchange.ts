/** How far one token has brought an authentication; `continue`: the client has to say more. */
export type SaslStep = SaslEnd | { readonly kind: 'continue'; readonly token: Buffer }

export type SaslEnd =
  | { readonly kind: 'success'; readonly token: Buffer; readonly user: string }
  /** `why` is for the broker's log; `toClient` only where the client may know more than that it has failed. */
  | { readonly kind: 'failure'; readonly why: string; readonly toClient?: string }

/** The broker's side of one authentication by one mechanism. */
export interface SaslExchange {
  /** Takes the client's next token. Not to be called again after success or failure. */
  next(token: Buffer): SaslStep
}
