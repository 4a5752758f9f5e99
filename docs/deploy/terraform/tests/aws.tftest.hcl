# Run by `terraform test`, without an account: the provider is a mock.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

variables {
  backup_bucket             = "pawprint-backups-of-a-test"
  zone_id                   = "Z0000000"
  hosts                     = { "collect.example.com" = "lb.example.net" }
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2"]
  client_security_group_ids = ["sg-1"]
}

run "backups_expire_after_thirty_days_and_are_not_public" {
  command = plan

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.backups.rule[*].expiration[0].days) == 30
    error_message = "backups expire after something else"
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.backups.block_public_policy && aws_s3_bucket_public_access_block.backups.restrict_public_buckets
    error_message = "the bucket may become public"
  }
}

run "a_writer_of_backups_cannot_delete_or_read_any" {
  command = plan

  assert {
    condition     = !anytrue([for s in data.aws_iam_policy_document.backup_write.statement : anytrue([for a in s.actions : can(regex("Delete|GetObject|\\*", a))])])
    error_message = "the policy of who writes allows more"
  }
}

run "postgres_is_private_encrypted_and_not_deleted_by_mistake" {
  command = plan

  assert {
    condition     = !aws_db_instance.postgres.publicly_accessible && aws_db_instance.postgres.storage_encrypted && aws_db_instance.postgres.deletion_protection
    error_message = "Postgres is not as it should be"
  }
  assert {
    condition     = one([for p in aws_db_parameter_group.postgres.parameter : p.value if p.name == "rds.force_ssl"]) == "1"
    error_message = "Postgres takes connections without TLS"
  }
}

run "admin_gets_no_public_name" {
  command         = plan
  expect_failures = [var.hosts]

  variables {
    hosts = { "admin.example.com" = "lb.example.net" }
  }
}

run "a_backup_lives_long_enough_to_be_tried" {
  command         = plan
  expect_failures = [var.backup_days]

  variables {
    backup_days = 3
  }
}
