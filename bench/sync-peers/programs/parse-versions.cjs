/* What parse-server lacks by itself and has triggers for: a write over a version that its writer has not seen is refused. */
/* global Parse */
Parse.Cloud.beforeSave('Entity', ({ object, original }) => {
  const held = original === undefined ? 0 : original.get('version')
  if (object.get('version') !== held + 1) throw new Parse.Error(Parse.Error.VALIDATION_ERROR, 'conflict')
})
