output "backup_bucket" {
  description = "where backups go"
  value       = aws_s3_bucket.backups.bucket
}

output "backup_write_policy" {
  description = "policy for the role that makes backups"
  value       = aws_iam_policy.backup_write.arn
}

output "backup_read_policy" {
  description = "policy for the role that restores"
  value       = aws_iam_policy.backup_read.arn
}

output "postgres_address" {
  description = "host and port of Postgres"
  value       = aws_db_instance.postgres.endpoint
}

output "postgres_secret" {
  description = "secret with the password of its owner, for pawprint migrate"
  value       = one(aws_db_instance.postgres.master_user_secret[*].secret_arn)
}
