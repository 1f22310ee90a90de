import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { nodesQuery } from '~/api/queries'
import type { BackupStore } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Dialog, DialogFoot } from '~/ui/dialog'
import { Field, Select } from '~/ui/field'
import { visible } from '~/util/visible'

const t = texts('backup_stores')

/** Has a node of one's choice try a store. */
export function StoreTestDialog({ store, onClose }: { store: BackupStore | undefined; onClose: () => void }) {
  return (
    <Dialog
      open={store !== undefined}
      onClose={onClose}
      title={t('test.title', { name: store?.name ?? '' })}
      note={t('test.note')}
    >
      {store && <StoreTest store={store} onClose={onClose} />}
    </Dialog>
  )
}

function StoreTest({ store, onClose }: { store: BackupStore; onClose: () => void }) {
  const nodes = useQuery(nodesQuery)
  const usable = nodes.data?.filter(({ id }) => store.nodes.length === 0 || store.nodes.includes(id)) ?? []
  const [node, setNode] = useState('')
  const chosen = node || usable[0]?.id || ''
  const test = useMutation({
    mutationFn: () =>
      must(
        api.POST('/backup-stores/{backup_store}/test', {
          params: { path: { backup_store: store.id } },
          body: { node: chosen },
        }),
      ),
  })
  return (
    <div className="flex flex-col gap-4">
      <Field label={t('test.node')}>
        {(ids) => (
          <Select {...ids} value={chosen} onChange={(event) => setNode(event.target.value)}>
            {usable.map((each) => (
              <option key={each.id} value={each.id}>
                {visible(each.name)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {test.data && (
        <p role="status" className={test.data.ok ? 'text-run-fg' : 'text-fail-fg'}>
          {test.data.ok ? t('test.ok') : visible(test.data.detail)}
        </p>
      )}
      {test.error && <FormProblem error={asProblem(test.error)} />}
      <DialogFoot>
        <Button onClick={onClose}>{t('close')}</Button>
        <Button
          look="primary"
          busy={test.isPending}
          off={!chosen && t('test.no_node')}
          onClick={() => test.mutate()}
        >
          {t('test')}
        </Button>
      </DialogFoot>
    </div>
  )
}
