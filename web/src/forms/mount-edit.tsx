import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { Mount } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Switch } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input } from '~/ui/field'
import { MountOffer, type Offer } from './mount-offer'

const t = texts('mounts')
const common = texts('common')

/** What the dialog is for: nothing, a mount that is not there yet, or one that is. */
export type Editing = 'new' | Mount | undefined

interface Typed extends Offer {
  name: string
  description: string
  source: string
  target: string
  read_only: boolean
  self_service: boolean
}

const FRESH: Typed = {
  name: '',
  description: '',
  source: '',
  target: '',
  read_only: true,
  self_service: false,
  all_nodes: false,
  nodes: [],
  locations: [],
  all_eggs: false,
  eggs: [],
}

function typed(mount: Mount | undefined): Typed {
  if (!mount) return FRESH
  const { name, description, source, target, read_only, self_service, all_nodes, all_eggs } = mount
  const ids = (rows: Mount['nodes']) => rows.map(({ id }) => id)
  return {
    ...{ name, description, source, target, read_only, self_service, all_nodes, all_eggs },
    nodes: ids(mount.nodes),
    locations: ids(mount.locations),
    eggs: ids(mount.eggs),
  }
}

/** What is other than before; of a list that only stands in another order nothing. */
function changes(before: Typed, now: Typed): Partial<Typed> {
  const same = (a: unknown, b: unknown) =>
    Array.isArray(a) && Array.isArray(b)
      ? a.length === b.length && a.every((each) => b.includes(each))
      : a === b
  const changed = Object.entries(now).filter(([name, value]) => !same(value, before[name as keyof Typed]))
  return Object.fromEntries(changed)
}

export function MountDialog({ editing, onClose }: { editing: Editing; onClose: () => void }) {
  const known = typeof editing === 'object' ? editing : undefined
  return (
    <Dialog
      open={editing !== undefined}
      onClose={onClose}
      width="md"
      title={known ? t('change_of', { name: known.name }) : t('new')}
      note={known && known.servers > 0 ? t('form.used', { n: known.servers }) : undefined}
    >
      {editing !== undefined && <MountForm known={known} onClose={onClose} />}
    </Dialog>
  )
}

function MountForm({ known, onClose }: { known: Mount | undefined; onClose: () => void }) {
  const before = typed(known)
  const [form, setForm] = useState(before)
  const set = (change: Partial<Typed>) => setForm({ ...form, ...change })
  const trimmed = {
    ...form,
    name: form.name.trim(),
    source: form.source.trim(),
    target: form.target.trim(),
  }
  const changed = changes(before, trimmed)
  const save = useMutation({
    mutationFn: () =>
      known
        ? must(api.PATCH('/mounts/{mount}', { params: { path: { mount: known.id } }, body: changed }))
        : must(api.POST('/mounts', { body: trimmed })),
    onSuccess: ({ name }) => {
      void queryClient.invalidateQueries({ queryKey: keys.mounts })
      if (known) toast.done(t('form.saved', { name }))
      else toast.done(t('form.made', { name }), t('form.made_note'))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const errors = problem?.fields ?? {}
  const off =
    trimmed.name === ''
      ? t('form.no_name')
      : trimmed.source === '' || trimmed.target === ''
        ? t('form.no_path')
        : known !== undefined && Object.keys(changed).length === 0 && t('form.same')
  return (
    <form
      className="flex flex-col gap-4"
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (off === false && !save.isPending) save.mutate()
      }}
    >
      <div className="grid grid-cols-2 gap-4 max-md:grid-cols-1">
        <Field label={t('form.name')} error={errors.name}>
          {(ids) => (
            <Input
              {...ids}
              autoFocus={!known}
              autoComplete="off"
              maxLength={64}
              value={form.name}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        <Field label={t('form.description')} note={t('form.optional')} error={errors.description}>
          {(ids) => (
            <Input
              {...ids}
              maxLength={512}
              value={form.description}
              onChange={(event) => set({ description: event.target.value })}
            />
          )}
        </Field>
        <Path
          label={t('form.source')}
          help={t('form.source_help')}
          error={errors.source}
          placeholder="/srv/games/maps"
          value={form.source}
          onChange={(source) => set({ source })}
        />
        <Path
          label={t('form.target')}
          help={t('form.target_help')}
          error={errors.target}
          placeholder="/mnt/maps"
          value={form.target}
          onChange={(target) => set({ target })}
        />
      </div>
      <div className="rounded-box border border-line">
        <Flag
          label={t('form.read_only')}
          note={t('form.read_only_note')}
          on={form.read_only}
          onChange={(read_only) => set({ read_only })}
        />
        <Flag
          label={t('form.self_service')}
          note={t('form.self_service_note')}
          on={form.self_service}
          onChange={(self_service) => set({ self_service })}
        />
      </div>
      <MountOffer offer={form} errors={errors} onChange={set} />
      {problem && Object.keys(errors).length === 0 && <FormProblem error={problem} />}
      <DialogFoot stuck>
        <Button onClick={onClose}>{common('cancel')}</Button>
        <Button type="submit" look="primary" busy={save.isPending} off={off}>
          {t(known ? 'form.save' : 'form.make')}
        </Button>
      </DialogFoot>
    </form>
  )
}

function Path({
  label,
  help,
  error,
  value,
  placeholder,
  onChange,
}: {
  label: string
  help: string
  error: string | undefined
  value: string
  placeholder: string
  onChange: (path: string) => void
}) {
  return (
    <Field label={label} help={help} error={error}>
      {(ids) => (
        <Input
          {...ids}
          code
          autoComplete="off"
          spellCheck={false}
          maxLength={512}
          placeholder={placeholder}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  )
}

function Flag({
  label,
  note,
  on,
  onChange,
}: {
  label: string
  note: string
  on: boolean
  onChange: (on: boolean) => void
}) {
  return (
    <div className="flex items-center gap-3 border-b border-line px-4 py-3 last:border-0">
      <div className="min-w-0 flex-1">
        <div className="font-medium">{label}</div>
        <div className="text-12 text-t3">{note}</div>
      </div>
      <Switch label={label} checked={on} onChange={(event) => onChange(event.target.checked)} />
    </div>
  )
}
