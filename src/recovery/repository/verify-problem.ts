/** What a verification found wrong. */
export interface VerifyProblem {
  /** The object it is about; one that is missing by the key it should have. */
  key: string
  kind: 'damaged' | 'missing' | 'other-key' | 'unknown' | 'unfinished' | 'gap'
  /** What is wrong, and what it means. */
  says: string
  /** Ids of backups that cannot be restored, or not to every moment, because of it. */
  backups: string[]
}
