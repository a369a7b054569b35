"""The first tables: accounts, keys, price books, credit, usage events.

While this runs, the version before it may still be serving: add, then backfill, then enforce; drop one release later.

Revision ID: 0001
Revises: 
"""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _credit()
    _usage_events()


def _accounts() -> None:
    op.create_table('accounts',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_accounts')),
    sa.UniqueConstraint('name', name=op.f('uq_accounts_name'))
    )
    op.create_table('price_books',
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('effective_from_us', sa.BigInteger(), nullable=False),
    sa.Column('document', sa.Text(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_price_books'))
    )
    op.create_table('api_keys',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=True),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('hint', sa.String(length=32), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.Column('revoked_us', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("(kind = 'operator') = (account_id IS NULL)", name=op.f('ck_api_keys_operator_has_no_account')),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_api_keys_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
    sa.UniqueConstraint('hash', name=op.f('uq_api_keys_hash'))
    )
    op.create_index('ix_api_keys_account_id', 'api_keys', ['account_id'], unique=False)


def _credit() -> None:
    op.create_table('balances',
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('granted_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('settled_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('held_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('credit_limit_nanousd', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('settled_nanousd + held_nanousd <= granted_nanousd + credit_limit_nanousd', name=op.f('ck_balances_no_overspend')),
    sa.CheckConstraint('settled_nanousd >= 0 AND held_nanousd >= 0 AND credit_limit_nanousd >= 0', name=op.f('ck_balances_no_negative')),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_balances_account_id')),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_balances'))
    )
    op.create_table('grants',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('amount_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("amount_nanousd > 0 OR kind = 'correction'", name=op.f('ck_grants_only_corrections_take')),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_grants_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grants'))
    )
    op.create_index('ix_grants_account_id', 'grants', ['account_id'], unique=False)

    op.create_table('holds',
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('key_id', sa.String(length=64), nullable=False),
    sa.Column('amount_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('output_tokens_max', sa.BigInteger(), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.Column('expires_us', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount_nanousd >= 0', name=op.f('ck_holds_not_negative')),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_holds_account_id')),
    sa.ForeignKeyConstraint(['key_id'], ['api_keys.id'], name=op.f('fk_holds_key_id')),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_holds'))
    )
    op.create_index('ix_holds_expires_us', 'holds', ['expires_us'], unique=False)

    op.create_table('hold_resolutions',
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('amount_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("kind = 'posted' OR (kind = 'expired' AND amount_nanousd = 0)", name=op.f('ck_hold_resolutions_known_kind')),
    sa.CheckConstraint('amount_nanousd >= 0', name=op.f('ck_hold_resolutions_not_negative')),
    sa.ForeignKeyConstraint(['request_id'], ['holds.request_id'], name=op.f('fk_hold_resolutions_request_id')),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_hold_resolutions'))
    )


def _usage_events() -> None:
    op.create_table('usage_events',
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.Column('account_id', sa.String(length=64), nullable=False),
    sa.Column('key_id', sa.String(length=64), nullable=False),
    sa.Column('model', sa.String(length=200), nullable=False),
    sa.Column('worker', sa.String(length=500), nullable=False),
    sa.Column('price_version', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=False),
    sa.Column('streamed', sa.Boolean(), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('input_tokens', sa.BigInteger(), nullable=False),
    sa.Column('input_image_tokens', sa.BigInteger(), nullable=False),
    sa.Column('input_cached_tokens', sa.BigInteger(), nullable=False),
    sa.Column('output_tokens', sa.BigInteger(), nullable=False),
    sa.Column('output_reasoning_tokens', sa.BigInteger(), nullable=False),
    sa.Column('cost_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('held_nanousd', sa.BigInteger(), nullable=False),
    sa.Column('created_us', sa.BigInteger(), nullable=False),
    sa.Column('duration_us', sa.BigInteger(), nullable=False),
    sa.Column('first_byte_us', sa.BigInteger(), nullable=True),
    sa.CheckConstraint("cost_nanousd = 0 OR outcome IN ('completed', 'client_gone')", name=op.f('ck_usage_events_only_service_is_billed')),
    sa.CheckConstraint('cost_nanousd >= 0 AND cost_nanousd <= held_nanousd', name=op.f('ck_usage_events_cost_within_hold')),
    sa.CheckConstraint('input_image_tokens >= 0 AND input_image_tokens <= input_tokens AND input_cached_tokens >= 0 AND input_cached_tokens <= input_tokens AND output_reasoning_tokens >= 0 AND output_reasoning_tokens <= output_tokens', name=op.f('ck_usage_events_parts_within_wholes')),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_usage_events_account_id')),
    sa.ForeignKeyConstraint(['key_id'], ['api_keys.id'], name=op.f('fk_usage_events_key_id')),
    sa.ForeignKeyConstraint(['price_version'], ['price_books.version'], name=op.f('fk_usage_events_price_version')),
    sa.ForeignKeyConstraint(['request_id'], ['holds.request_id'], name=op.f('fk_usage_events_request_id')),
    sa.PrimaryKeyConstraint('request_id', name=op.f('pk_usage_events'))
    )
    op.create_index('ix_usage_events_account_created', 'usage_events', ['account_id', 'created_us'], unique=False)



def downgrade() -> None:
    op.drop_index('ix_usage_events_account_created', table_name='usage_events')

    op.drop_table('usage_events')
    op.drop_table('hold_resolutions')
    op.drop_index('ix_holds_expires_us', table_name='holds')

    op.drop_table('holds')
    op.drop_index('ix_grants_account_id', table_name='grants')

    op.drop_table('grants')
    op.drop_table('balances')
    op.drop_index('ix_api_keys_account_id', table_name='api_keys')

    op.drop_table('api_keys')
    op.drop_table('price_books')
    op.drop_table('accounts')
