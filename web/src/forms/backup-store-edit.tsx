import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, nodesQuery, queryClient } from '~/api/queries'
import type { BackupStore } from '~/api/types'
import { ifMatch } from '~/api/versions'
import { FormProblem } from '~/components/problem-view'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Checkbox } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Input, Select } from '~/ui/field'
import { cx } from '~/util/cx'
import { visible } from '~/util/visible'

const t = texts('backup_stores')

/** A new store, or one that there is. */
export function BackupStoreDialog({
  editing,
  onClose,
}: {
  editing: BackupStore | 'new' | undefined
  onClose: () => void
}) {
  return (
    <Dialog
      open={editing !== undefined}
      onClose={onClose}
      title={t(editing === 'new' ? 'new' : 'edit')}
      width="md"
    >
      {editing && <StoreForm store={editing === 'new' ? undefined : editing} onClose={onClose} />}
    </Dialog>
  )
}

const S3 = ['endpoint', 'region', 'bucket', 'prefix', 'access_key'] as const

function StoreForm({ store, onClose }: { store: BackupStore | undefined; onClose: () => void }) {
  const [kind, setKind] = useState<BackupStore['kind']>(store?.kind ?? 'directory')
  const [fields, setFields] = useState({
    name: store?.name ?? '',
    path: store?.path ?? '',
    endpoint: store?.endpoint ?? '',
    region: store?.region ?? '',
    bucket: store?.bucket ?? '',
    prefix: store?.prefix ?? '',
    access_key: store?.access_key ?? '',
  })
  const [secret, setSecret] = useState('')
  const [nodes, setNodes] = useState<string[]>(store?.nodes ?? [])
  const save = useMutation({
    mutationFn: () => {
      const body = { ...fields, secret_key: secret || null, nodes }
      if (!store) return must(api.POST('/backup-stores', { body: { ...body, kind } }))
      return must(
        api.PUT('/backup-stores/{backup_store}', {
          params: { path: { backup_store: store.id }, header: ifMatch(store.version) },
          body,
        }),
      )
    },
    onSuccess: (saved) => {
      void queryClient.invalidateQueries({ queryKey: keys.backupStores })
      toast.done(t('saved', { name: visible(saved.name) }))
      onClose()
    },
  })
  const problem = save.error ? asProblem(save.error) : undefined
  const errors: Record<string, string | undefined> = { ...problem?.fields }
  const text = (name: keyof typeof fields, help?: string) => (
    <Field key={name} label={t(`field.${name}`)} {...(help ? { help } : {})} error={errors[name]}>
      {(ids) => (
        <Input
          {...ids}
          code={name !== 'name'}
          autoFocus={name === 'name'}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={fields[name]}
          onChange={(event) => setFields({ ...fields, [name]: event.target.value })}
        />
      )}
    </Field>
  )
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!save.isPending) save.mutate()
      }}
    >
      {text('name')}
      {!store && (
        <Field label={t('field.kind')} help={t(`kind_help.${kind}`)}>
          {(ids) => (
            <Select
              {...ids}
              value={kind}
              onChange={(event) => setKind(event.target.value === 's3' ? 's3' : 'directory')}
            >
              <option value="directory">{t('kind.directory')}</option>
              <option value="s3">{t('kind.s3')}</option>
            </Select>
          )}
        </Field>
      )}
      {kind === 'directory' ? (
        text('path', t('field.path_help'))
      ) : (
        <div className="grid grid-cols-2 items-start gap-4 max-sm:grid-cols-1">
          {S3.map((name) => text(name))}
          <Field
            label={t('field.secret_key')}
            help={store ? t('field.secret_key_kept') : t('field.secret_key_help')}
            error={errors.secret_key}
          >
            {(ids) => (
              <Input
                {...ids}
                type="password"
                autoComplete="new-password"
                value={secret}
                onChange={(event) => setSecret(event.target.value)}
              />
            )}
          </Field>
        </div>
      )}
      <StoreNodes nodes={nodes} error={errors.nodes} onChange={setNodes} />
      {problem && Object.keys(errors).length === 0 && <FormProblem error={problem} />}
      <DialogFoot stuck>
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={save.isPending}>
          {t('save')}
        </Button>
      </DialogFoot>
    </form>
  )
}

/** Whose servers it is for. */
function StoreNodes({
  nodes,
  error,
  onChange,
}: {
  nodes: string[]
  error: string | undefined
  onChange: (nodes: string[]) => void
}) {
  const rows = useQuery({ ...nodesQuery, enabled: useMay().may('node.read') }).data ?? []
  if (rows.length < 2 && nodes.length === 0) return null
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1.5 font-medium">{t('field.nodes')}</legend>
      <div className="flex max-h-40 flex-col gap-1 overflow-y-auto rounded-box border border-line-2 px-3 py-2">
        {rows.map(({ id, name }) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox is in it
          <label key={id} className="flex min-h-6 items-center gap-2 max-sm:min-h-11">
            <Checkbox
              checked={nodes.includes(id)}
              onChange={() =>
                onChange(nodes.includes(id) ? nodes.filter((each) => each !== id) : [...nodes, id])
              }
            />
            <span className="min-w-0 truncate">{visible(name)}</span>
          </label>
        ))}
      </div>
      <p
        role={error ? 'alert' : undefined}
        className={cx('mt-1.5 text-12', error ? 'text-fail-fg' : 'text-t3')}
      >
        {error ?? t('field.nodes_help')}
      </p>
    </fieldset>
  )
}
