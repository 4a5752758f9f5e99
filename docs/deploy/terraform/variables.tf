variable "name" {
  description = "stands before the name of everything that is made"
  type        = string
  default     = "pawprint"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "lower-case letters, digits and dashes, 2 to 31 of them, a letter first"
  }
}

variable "backup_bucket" {
  description = "name of the bucket for backups; bucket names are the whole world's"
  type        = string
}

variable "backup_days" {
  description = "days after which a backup expires; longer than it takes to notice that one is bad"
  type        = number
  default     = 30

  validation {
    condition     = var.backup_days >= 8
    error_message = "a backup that is restored for a test once a week has to live for at least 8 days"
  }
}

variable "zone_id" {
  description = "Route 53 zone that the public names are in"
  type        = string
}

variable "hosts" {
  description = "public names, and where each leads: the collector, the pages of billing, the links of mails. admin is never among them"
  type        = map(string)
  # { "collect.example.com" = "lb.example.net", ... }

  validation {
    condition     = alltrue([for host in keys(var.hosts) : !startswith(host, "admin.")])
    error_message = "admin is for staff, within the network; it has no public name"
  }
}

variable "subnet_ids" {
  description = "private subnets, in two availability zones or more, for Postgres"
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Postgres needs two subnets"
  }
}

variable "vpc_id" {
  description = "network of those subnets"
  type        = string
}

variable "client_security_group_ids" {
  description = "who may reach Postgres: the security groups of the nodes that run the services"
  type        = list(string)
}

variable "postgres_class" {
  description = "size of the Postgres machine"
  type        = string
  default     = "db.t4g.medium"
}
