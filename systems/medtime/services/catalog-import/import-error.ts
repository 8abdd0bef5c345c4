/** An import that cannot be carried out. Nothing was changed. The message is for whoever runs the import. */
export class ImportError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ImportError'
  }
}
