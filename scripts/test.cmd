@echo off
rem Install the project with its development tools into .venv if need be; then lint, types and tests.
rem   scripts\test.cmd [PYTEST ARGUMENT ...]
setlocal
cd /d "%~dp0.."
call scripts\setup.cmd dev
if errorlevel 1 exit /b 1
.venv\Scripts\ruff.exe check .
if errorlevel 1 exit /b 1
.venv\Scripts\ruff.exe format --check .
if errorlevel 1 exit /b 1
.venv\Scripts\mypy.exe
if errorlevel 1 exit /b 1
.venv\Scripts\python.exe -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal %*
exit /b %errorlevel%
