import { type FormEvent, useState } from 'react'
import { FormProblem } from '~/components/problem-view'
import { type Existing, unpack } from '~/files/archive-calls'
import { FolderTree } from '~/files/folder-tree'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { parent, typedPath } from '~/util/path'

const t = texts('archives')
const files = texts('files')
const common = texts('common')

const CHOICES: readonly Existing[] = ['refuse', 'skip', 'replace']

/** Asks where to, and what to do with what is there. */
export function ExtractForm({
  server,
  archive,
  only = [],
  mayReplace,
  onClose,
}: {
  server: string
  archive: string
  /** Entries of the archive; none: all of it. */
  only?: string[]
  /** Why files can't be replaced, or false where they can. */
  mayReplace: string | false
  onClose: () => void
}) {
  const [typed, setTyped] = useState(parent(archive))
  const [existing, setExisting] = useState<Existing>('refuse')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const folder = typedPath(typed)
  const off = folder === undefined ? files('path.bad') : existing === 'replace' && mayReplace
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (off || folder === undefined || busy) return
    setBusy(true)
    setError(undefined)
    try {
      await unpack(server, archive, folder, existing, only)
      onClose()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <FolderTree server={server} value={folder ?? '/'} onChange={setTyped} not={[]} />
      <Field
        label={files('move.path')}
        note={t('unpack.made')}
        error={folder === undefined ? files('path.bad') : undefined}
      >
        {(ids) => (
          <Input
            {...ids}
            code
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="none"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <Field label={t('existing')} error={existing === 'replace' && mayReplace ? mayReplace : undefined}>
        {(ids) => (
          <Select {...ids} value={existing} onChange={(event) => setExisting(event.target.value as Existing)}>
            {CHOICES.map((each) => (
              <option key={each} value={each}>
                {t(`existing.${each}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <FormProblem error={error} />
      <DialogFoot>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={busy} off={off}>
          {t('unpack.verb')}
        </Button>
      </DialogFoot>
    </form>
  )
}
