import { type FormEvent, useState } from 'react'
import { FormProblem } from '~/components/problem-view'
import { fetchFile, isAddress, nameIn } from '~/files/fetch-calls'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { badName } from '~/util/path'
import { visible } from '~/util/visible'

const t = texts('fetch')
const common = texts('common')

/** Asks for an address; the server's node fetches what is there. */
export default function FetchDialog({
  server,
  folder,
  mayReplace,
  onClose,
}: {
  server: string
  folder: string
  /** Why files can't be replaced, or false where they can. */
  mayReplace: string | false
  onClose: () => void
}) {
  const [url, setUrl] = useState('')
  const [name, setName] = useState('')
  const [replace, setReplace] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const typed = url.trim()
  const bad = typed !== '' && !isAddress(typed)
  const badly = name === '' ? undefined : badName(name)
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy || badly || !isAddress(typed)) return
    setBusy(true)
    setError(undefined)
    try {
      await fetchFile(server, typed, folder, name, replace)
      onClose()
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }
  return (
    <Dialog open onClose={onClose} title={t('title')}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={t('address')} help={t('address.help')} error={bad ? t('address.bad') : undefined}>
          {(ids) => (
            <Input
              {...ids}
              code
              autoFocus
              type="text"
              inputMode="url"
              spellCheck={false}
              autoComplete="off"
              autoCapitalize="none"
              placeholder="https://example.com/server.jar"
              value={url}
              onChange={(event) => setUrl(event.target.value)}
            />
          )}
        </Field>
        <Field label={t('name')} note={t('name.note')} error={badly}>
          {(ids) => (
            <Input
              {...ids}
              code
              spellCheck={false}
              autoComplete="off"
              autoCapitalize="none"
              placeholder={visible(nameIn(typed))}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox is in it */}
        <label className="flex items-start gap-2.5">
          <Checkbox
            checked={replace}
            disabled={mayReplace !== false}
            onChange={(event) => setReplace(event.target.checked)}
          />
          <span>
            {t('replace')}
            {mayReplace && <span className="block text-12 text-t3">{mayReplace}</span>}
          </span>
        </label>
        <FormProblem error={error} />
        <DialogFoot>
          <Button onClick={onClose}>{common('cancel')}</Button>
          <Button
            type="submit"
            look="primary"
            busy={busy}
            off={typed === '' ? t('address.none') : bad ? t('address.bad') : (badly ?? false)}
          >
            {t('verb')}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  )
}
